"""The API is what its description says: schemathesis asks it everything that the description allows, and more."""

import subprocess
import sys
from pathlib import Path

from conftest import Wire


def test_schemathesis_finds_nothing(wire: Wire) -> None:
    wire.start()
    uri = wire.publish("Harbour reopens")
    killed = wire.publish("Forged")
    wire.run("kill", killed, "--advisory", "Forged.")
    said = wire.run("subscriber", "add", "Asker", "--from-start")
    token = next(line.split()[1] for line in said.splitlines() if line.startswith("Token"))
    assert uri
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{wire.url}/api/openapi.json", "--url", wire.url,
            "-H", f"Authorization: Bearer {token}", "--exclude-path", "/api/wire/stream", "--max-examples", "25",
            "--rate-limit", "18/s", "--seed", "7", "--phases", "examples,coverage,fuzzing", "--no-color",
            "--request-timeout", "70",
            # A killed item answers 410 to a request that is as it should be: that is the point.
            "--exclude-checks", "positive_data_acceptance", "--generation-database", "none", "--suppress-health-check", "all",
        ],
        capture_output=True, text=True, timeout=400, check=False, cwd=wire.home,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in wire.log.read_text()
