"""Everything that is run on this repository, one job a session: ``nox --list``.

The sessions that need no isolation share the environment of the session
`environment`: TensorFlow alone is two gigabytes. The Python that runs nox is the
Python they use.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "types"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
SETTINGS = nox.project.load_toml(ROOT / "pyproject.toml")
PACKAGES = {
    path.parent.name: nox.project.load_toml(path)["project"]
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
# What a package works without, and must not bring with it.
ABSENT = {"nengo-dl-optimizer": ["keras", "tensorflow"]}
FOUND = "import sys; from importlib.util import find_spec as find; "
FOUND += "sys.exit([name for name in sys.argv[1:] if find(name)] or None)"
# TensorFlow's greetings at import would bury everything else.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
# How other processors compute: in compiled loops, in TensorFlow's kernels, in NumPy's.
# They must be able to do less than the present one, or OpenBLAS crashes.
PROCESSORS = {
    "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX", "OPENBLAS_CORETYPE": "Sandybridge"},
    "SSE4.2": {
        "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "FMA3 AVX2",
    },
    "without-oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}
# Each process takes a gigabyte, so no more of them than that has memory for.
PARALLEL = ("--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal")


def group(*names: str) -> tuple[str, ...]:
    """Return the requirements of dependency groups of the root pyproject.toml."""
    return nox.project.dependency_groups(SETTINGS, *names)


def with_extras(name: str, project: str | Path) -> str:
    """Return what pip installs a package by, with all of its extras."""
    extras = PACKAGES[name].get("optional-dependencies", ())
    return f"{project}[{','.join(extras)}]" if extras else str(project)


def editable() -> list[str]:
    """Return pip's arguments that install all packages, with their extras."""
    args = []
    for name in PACKAGES:
        args += ["--editable", with_extras(name, f"packages/{name}")]
    return args


def scripts(environment: Path) -> Path:
    """Return the folder of an environment's commands."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def run_shared(session: nox.Session, *args: str, **variables: str) -> None:
    """Run Python in the shared environment."""
    python = scripts(session.env_dir.parent / "environment") / "python"
    session.run(str(python), *args, env=QUIET | variables, external=True)


def run_with_peers(session: nox.Session, peers: str, tests: str, variable: str) -> None:
    """Run tests that find an environment with a group of peers in a variable."""
    session.install(*group(peers))
    python = str(scripts(Path(session.virtualenv.location)) / "python")
    run_shared(session, "-m", "pytest", tests, *session.posargs, **{variable: python})


def chosen(session: nox.Session) -> tuple[list[str], list[str]]:
    """Split the arguments into packages, all if none is named, and the rest."""
    packages = [arg for arg in session.posargs if arg in PACKAGES]
    rest = [arg for arg in session.posargs if arg not in PACKAGES]
    return packages or list(PACKAGES), rest


def wheel(package: str) -> Path:
    """Return the wheel that was built of a package."""
    (path,) = DIST.glob(f"{package.replace('-', '_')}-*.whl")
    return path


@nox.session(reuse_venv=True)
def environment(session: nox.Session) -> None:
    """Install all packages, editable, and what the sessions that share this need."""
    session.install(*editable(), *group("test", "benchmark", "demo", "types"))


@nox.session(venv_backend="none", requires=["environment"])
def demo(session: nox.Session) -> None:
    """Run the main job: plots in demo-output/, a table in the terminal."""
    run_shared(session, "-m", "demo", *session.posargs)


@nox.session(venv_backend="none", requires=["environment"])
def tests(session: nox.Session) -> None:
    """Run the tests, all or of one package: nox -s tests -- nengo-dl-core."""
    packages, rest = chosen(session)
    paths = [f"packages/{package}" for package in packages]
    if packages == list(PACKAGES):
        paths = ["packages", "docs/guide", "docs/extending.md"]
    run_shared(session, "-m", "pytest", *PARALLEL, *paths, *rest)


@nox.session(venv_backend="none", requires=["environment"])
@nox.parametrize("processor", [nox.param(name, id=name) for name in PROCESSORS])
def processors(session: nox.Session, processor: str) -> None:
    """Run core's tests as other processors would: nox -s "processors(SSE4.2)"."""
    arguments = (*PARALLEL, *(session.posargs or ["packages/nengo-dl-core"]))
    run_shared(session, "-m", "pytest", *arguments, **PROCESSORS[processor])


@nox.session(venv_backend="none", requires=["environment"])
@nox.parametrize("first_steps", ["numpy", "compiled"], ids=["numpy", "compiled"])
def nengo_suite(session: nox.Session, first_steps: str) -> None:
    """Run the tests of Nengo and NengoSPA on our simulator: ... -- -k synapses."""
    # Beside the shared environment, or these plugins would take part in our tests.
    plugins = str(session.env_dir)
    install = ("-m", "pip", "install", "--quiet", "--upgrade", "--no-deps")
    run_shared(session, *install, "--target", plugins, *group("nengo-suite"))
    core = ROOT / "packages/nengo-dl-core"
    path = os.pathsep.join([plugins, str(core)])
    own = ("-p", "compiled_at_once") if first_steps == "compiled" else ()
    for tested in ("nengo", "nengo_spa"):
        config = ("--config-file", str(core / f"{tested}_suite.ini"))
        arguments = (*PARALLEL, *own, "--pyargs", tested, *config, *session.posargs)
        run_shared(session, "-m", "pytest", *arguments, PYTHONPATH=path)


@nox.session(reuse_venv=True, requires=["environment"])
def nir_peers(session: nox.Session) -> None:
    """Compare with other frameworks what NIR graphs compute, in both directions."""
    run_with_peers(
        session, "nir-peers", "packages/nengo-dl-converter/peers", "NENGO_DL_PEERS"
    )


@nox.session(reuse_venv=True, requires=["environment"])
def neurobench_peers(session: nox.Session) -> None:
    """Compare metrics with NeuroBench's, of the same networks in snnTorch."""
    tests = "packages/nengo-dl-converter/peers/neurobench"
    run_with_peers(session, "neurobench-peers", tests, "NENGO_DL_NEUROBENCH")


@nox.session(reuse_venv=True, requires=["environment"])
def accuracy_peers(session: nox.Session) -> None:
    """Compare accuracy and time of training on real data with snnTorch's."""
    tests = "packages/nengo-dl-benchmarks/peers"
    run_with_peers(session, "accuracy-peers", tests, "NENGO_DL_SNNTORCH")


@nox.session(venv_backend="none", requires=["environment"])
def peers(session: nox.Session) -> None:
    """Time NengoDL beside other frameworks, and write docs/benchmarks/peers.md."""
    for name in SETTINGS["dependency-groups"]:
        if not name.startswith("peers-"):
            continue
        folder = session.env_dir / name.removeprefix("peers-")
        if not folder.exists():
            session.run(sys.executable, "-m", "venv", str(folder), external=True)
        install = (str(scripts(folder) / "python"), "-m", "pip", "install", "--quiet")
        session.run(*install, *group(name), external=True)
    commands = scripts(session.env_dir.parent / "environment").resolve()
    path = os.pathsep.join([str(commands), os.environ["PATH"]])
    script = ("sh", "docs/benchmarks/peers.sh", str(session.env_dir))
    session.run(*script, env=QUIET | {"PATH": path}, external=True)


@nox.session(venv_backend="none", requires=["environment"])
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html, running its tutorials."""
    run_shared(session, "-m", "pip", "install", "--quiet", *group("docs"))
    arguments = session.posargs or ["--fail-on-warning", "--fresh-env"]
    run_shared(session, "-m", "sphinx", *arguments, "docs", "docs/_build/html")


@nox.session(venv_backend="none", requires=["environment"])
def coverage(session: nox.Session) -> None:
    """Run the tests as `tests` does; report the lines and branches that they miss."""
    packages, rest = chosen(session)
    paths = [f"packages/{package}" for package in packages]
    measure = ("--cov", "--cov-report=")
    run_shared(session, "-m", "pytest", *PARALLEL, *paths, *measure, *rest)
    for path in paths:
        run_shared(session, "-m", "coverage", "report", f"--include={path}/*")


@nox.session(venv_backend="none", requires=["environment"])
def benchmark(session: nox.Session) -> None:
    """Time what is done most often, and compare: nox -s benchmark -- --help."""
    run_shared(
        session,
        "-m",
        "pytest",
        "packages/nengo-dl-benchmarks/benchmarks",
        "--override-ini=python_files=bench_*.py",
        "--override-ini=python_functions=bench_*",
        "--benchmark-columns=min,median,iqr,rounds",
        *session.posargs,
    )


@nox.session(venv_backend="none", requires=["environment"])
def tune(session: nox.Session) -> None:
    """Measure again what thresholds of core decide by: nox -s tune -- filters."""
    run_shared(session, "packages/nengo-dl-core/benchmarks/tune.py", *session.posargs)


@nox.session(venv_backend="none", requires=["environment"])
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    run_shared(session, "-m", "mypy", *session.posargs)


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check format, style and imports across packages: what pre-commit checks."""
    session.install("pre-commit")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure")


@nox.session(reuse_venv=True)
def build(session: nox.Session) -> None:
    """Build source distributions, and wheels from these, into dist/; check both."""
    session.install("build", "check-wheel-contents", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES:
        session.run("python", "-m", "build", f"--outdir={DIST}", f"packages/{package}")
        source = f"--src-dir=packages/{package}/src"
        session.run("check-wheel-contents", source, str(wheel(package)))
    session.run("twine", "check", "--strict", *map(str, sorted(DIST.iterdir())))


@nox.session(reuse_venv=True, requires=["environment"])
def recipes(session: nox.Session) -> None:
    """Build and test the conda recipes: nox -s recipes -- --channel conda-forge."""
    session.install("hatchling", "packaging", "pip", "py-rattler-build")
    shared = f"--environment={session.env_dir.parent / 'environment'}"
    session.run("python", "recipes/build.py", shared, *session.posargs)


@nox.session(venv_backend="none", requires=["build"])
@nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])
def isolated(session: nox.Session, package: str) -> None:
    """Test each wheel installed alone: a new environment, outside the checkout.

    What a wheel or an environment lacks, a test shows with any of its parameters: each
    runs with the first, or of each file one test: ... -- --first=file. The session
    `tests` runs all.
    """
    with TemporaryDirectory() as outside, session.chdir(outside):
        session.run(sys.executable, "-m", "venv", "env", external=True)
        python = str(scripts(Path("env")) / "python")
        # Random graphs and networks are tried in plenty by the session `tests`.
        variables = QUIET | {"NENGO_DL_BATCHES": "0:1", "NENGO_DL_EXAMPLES": "2"}
        run = partial(session.run, python, env=variables, external=True)
        install = ("-m", "pip", "install", f"--find-links={DIST}")
        run(*install, str(wheel(package)), *group("pytest"))
        run("-m", "pip", "check")
        run("-c", FOUND, *ABSENT.get(package, []))
        for folder in ("tests", "examples"):
            if (source := ROOT / "packages" / package / folder).is_dir():
                shutil.copytree(source, folder)
        texts = (f"packages/{package}/README.md", "packages/test_import.py")
        for path in (*texts, "conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / path, ".")
        pytest = ("-m", "pytest", "--override-ini=pythonpath=tests")
        # First with what the package itself requires alone; most tests need more.
        lean = ("README.md", "test_import.py", "tests/test_way_in.py")
        run(*pytest, *lean)
        run(*install, with_extras(package, wheel(package)), *group("test"))
        run(*pytest, *PARALLEL, "--first=function", *session.posargs, "tests")


@nox.session(venv_backend="none", requires=["build", "isolated", "docs"])
def release(session: nox.Session) -> None:
    """Build all that is published, check it, and say what is left to do."""
    for name, project in PACKAGES.items():
        changes = (ROOT / "packages" / name / "CHANGELOG.md").read_text()
        heading = f"## {project['version']}"
        if heading not in changes:
            session.error(f"{name}: CHANGELOG.md has no section {heading!r}")
        if f"{heading}, not yet released" in changes:
            session.warn(f"{name}: give {heading!r} in CHANGELOG.md its date")
    session.log(f"twine upload {DIST}/*  # and publish docs/_build/html")


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that the packages allow."""
    session.install("uv")
    session.run(
        "uv",
        "pip",
        "install",
        "--resolution=lowest-direct",
        *editable(),
        *group("test"),
    )
    session.run("pytest", *PARALLEL, *session.posargs, env=QUIET)
