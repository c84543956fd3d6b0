"""Writes the stacks for MiniStack: `deployable.py BUNDLE DIRECTORY`, and says what it left out."""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from emulated import rewrite

from app import build

if __name__ == "__main__":
    bundle, directory = sys.argv[1:]
    context = {
        "bundle": bundle,
        # One that is there already: nothing is built.
        "image": "headgate:latest",
        "region": "us-east-1",
    }
    build(cdk.App(outdir=directory, context=context)).synth()
    sys.stdout.write(json.dumps(rewrite(Path(directory))))
