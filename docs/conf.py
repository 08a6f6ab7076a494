"""How the documentation is built: ``nox -s docs``."""

import os
import shutil
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import nengo
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

# Or a tutorial warns if another process has locked the cache.
nengo.rc.set("decoder_cache", "enabled", "False")

project = "NengoDL"
copyright = "the NengoDL contributors"
release = metadata.version("nengo-dl-core")

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]

html_theme = "furo"
html_title = "NengoDL"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["math.css", "narrow.css"]
exclude_patterns = ["_build", "tutorials/*", "**/GALLERY_HEADER.rst"]
default_role = "py:obj"
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": False}
autodoc_inherit_docstrings = False  # Keras writes them in Markdown
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["auto_tutorials"],
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # its page asks other servers for scripts
    "within_subsection_order": "FileNameSortKey",
}

PACKAGES = [
    "nengo_dl",
    "nengo_dl_benchmarks",
    "nengo_dl_converter",
    "nengo_dl_core",
    "nengo_dl_optimizer",
]


def public_names(module: ModuleType) -> set[str]:
    """Return what a module and its public submodules offer."""
    own = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and name[0] != "_"
    ]
    names = set()
    for name in getattr(module, "__all__", own):
        value = getattr(module, name)
        names |= public_names(value) if isinstance(value, ModuleType) else {name}
    return names


def check_reference(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that the reference does not have."""
    objects = env.domains.python_domain.objects
    documented = {name.rpartition(".")[2] for name in objects}
    for package in PACKAGES:
        for name in sorted(public_names(import_module(package)) - documented):
            logging.getLogger(__name__).warning("not in api/: %s of %s", name, package)


def write_math(
    translator: HTML5Translator, node: nodes.math | nodes.math_block
) -> None:
    """Write a formula as MathML, which needs no script from another server."""
    block, text = isinstance(node, nodes.math_block), node.astext()
    if r"\\" in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    translator.body.append(tex2mathml(text, as_block=block))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Extend Sphinx, and forget what was generated for names that are gone."""
    here = Path(__file__).parent
    shutil.rmtree(here / "api/generated", ignore_errors=True)
    tutorials = {path.stem for path in here.glob("tutorials/*.py")}
    for path in here.glob("auto_tutorials/plot_*.*"):
        if path.name.partition(".")[0] not in tutorials:
            path.unlink()
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
    app.connect("env-check-consistency", check_reference)
