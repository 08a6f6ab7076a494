"""The way in: the command that is installed."""

import re
import shutil
import subprocess
import sysconfig


def test_command_compares_the_installed_simulators():
    command = shutil.which("nengo-dl-benchmarks", path=sysconfig.get_path("scripts"))
    arguments = [
        *[command, "build", "--benchmark", "feedback"],
        *["compare", "--n_steps", "10", "--reps", "1"],
    ]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert re.search(r"dl .* 1x ", result.stdout), result.stdout
    assert re.search(r"reference .* [\d.]+x \(", result.stdout), result.stdout
