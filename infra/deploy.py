"""What `headgate deploy` and `headgate destroy` do: `deploy.py deploy|destroy [--yes] [-c N=V]`.

Everything that can be wrong is looked at before anything is changed. Each step may be done again
and then changes nothing, so whoever is interrupted begins anew.
"""

import argparse
import difflib
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import click

import cost
from account import Account, AccountRefused, Identity
from headgate.aws.secret_names import VARIABLES
from headgate.cli import doctor
from headgate.cli.findings import Finding
from headgate.core.keys import new_api_key
from headgate.settings import VARIABLES as SETTINGS
from headgate.settings import Settings, SettingsError
from headgate.stores.dynamodb.schema import TABLES
from served import NotServed, Served
from toolkit import STACKS, SWITCHES, ToolFailed, Toolkit

PARAMETERS = "/ai-platform"
DATABASE = "ai-platform-engine"
# A server of this machine is none that AWS reaches.
_NOT_TAKEN_ALONG = frozenset({"redis-url"})
_MADE = ("jwt-secret-key", "encryption-salt")
_AGAIN = "Put that right and run it again: what is done stays, and is not done twice."


class NotReady(Exception):
    """Something has to be changed first; nothing was deployed."""


@dataclass(frozen=True, slots=True)
class Deploying:
    """Deploys and destroys.

    Attributes:
        connect: gives the account at hand.
        secrets: of the environment, by the names of their parameters.
        confirm: asks whoever deploys.
        is_emulated: whether what stands in for AWS runs no functions, so that none is asked.
    """

    connect: Callable[[], Account]
    toolkit: Toolkit
    served: Served
    secrets: Mapping[str, str]
    say: Callable[[str], None]
    confirm: Callable[[str], bool]
    is_emulated: bool = False
    has_docker: Callable[[], bool] = field(default=lambda: _docker() is not None)

    def deploy(self, switches: Mapping[str, str]) -> None:
        """Deploy all stacks, and say where they answer.

        Raises:
            NotReady, AccountRefused: nothing was changed, or not all.
            ToolFailed, NotServed: not all was done.
        """
        account, identity = self._ready(switches)
        design = _design(switches)
        monthly = cost.fixed(cost.bill(design, cost.Usage(requests=0), cost.Prices()))
        if not self.confirm(
            f"Deploy into account {identity.account} in {identity.region}, for about"
            f" ${monthly:.0f} a month without a request?"
        ):
            raise NotReady("nothing was deployed")
        self.say("The CDK ...")
        self.toolkit.install()
        if "bundle" not in switches:
            self.say("The functions' zip ...")
            self.toolkit.bundle()
        if not account.is_bootstrapped():
            self.say("Preparing the account for the CDK ...")
            self.toolkit.bootstrap(identity.account, identity.region)
        made = self._keep_secrets(account)
        self.say("The stacks, which take a quarter of an hour the first time ...")
        outputs = self.toolkit.deploy({**switches, "region": identity.region})
        self.served.migrate(account, identity, PARAMETERS)
        self._tell(account, identity, outputs, made)

    def destroy(self) -> None:
        """Delete the stacks, and leave what cannot be made again.

        Raises:
            NotReady, AccountRefused: not all was deleted.
        """
        account = self.connect()
        identity = account.identity()
        there = account.stacks(STACKS)
        if not there:
            self.say(f"Nothing is deployed in account {identity.account} in {identity.region}.")
            return
        self.say(
            f"In account {identity.account} in {identity.region} this deletes"
            f" {', '.join(name for name in STACKS if name in there)}, and with them the"
            " addresses, the logs and the agent runs under way.\n\nKept, and paid for, are the"
            f" tables ({', '.join(table.name for table in TABLES)}), the key that they are"
            " encrypted with, a snapshot of the engine's database, the secrets below"
            f" {PARAMETERS} in the Parameter Store, and what the CDK keeps for itself (CDKToolkit)."
        )
        if not self.confirm("Delete the stacks?"):
            raise NotReady("nothing was deleted")
        account.unprotect_database(DATABASE)
        for name in reversed(STACKS):
            if name in there:
                self.say(f"{name} ...")
                account.delete_stack(name)
        self.say("The stacks are gone. `headgate deploy` refuses until the tables are gone too.")

    def _ready(self, switches: Mapping[str, str]) -> tuple[Account, Identity]:
        """Look at all that can be wrong, and say what was found."""
        account = self.connect()
        identity = account.identity()
        findings = [
            ("account", Finding("ok", f"{identity.account}, as {identity.arn}")),
            ("region", Finding("ok", identity.region)),
            ("image", self._image(switches)),
            ("bundle", _given_bundle(switches)),
            ("tables", self._tables(account)),
        ]
        for name, finding in findings:
            self.say(doctor.line(name, finding))
        if any(finding.status == "fail" for _, finding in findings):
            raise NotReady("nothing was deployed; see above what has to be changed")
        return account, identity

    def _image(self, switches: Mapping[str, str]) -> Finding:
        if switches.get("image"):
            return Finding("ok", f"{switches['image']}, which has been pushed")
        if not self.has_docker():
            return Finding(
                "fail",
                "there is no Docker to build the image of the tasks with",
                "Install Docker, name a program like it in CDK_DOCKER, or give -c image=… that has"
                " been pushed.",
            )
        return Finding("ok", "built here, with Docker")

    def _tables(self, account: Account) -> Finding:
        """Tables that a deleted stack has left would stop the one that makes them."""
        if "AIGatewayStack" in account.stacks(["AIGatewayStack"]):
            return Finding("ok", "deployed before; they stay as they are")
        left = account.tables([table.name for table in TABLES])
        if left:
            return Finding(
                "fail",
                f"{', '.join(left)} are left of an earlier deployment",
                "Back up what you need of them, end their deletion protection and delete them; or"
                " deploy into another region.",
            )
        return Finding("ok", "made by the stacks")

    def _keep_secrets(self, account: Account) -> str | None:
        """Put the secrets that are not there yet; gives the admin key where it was made now."""
        for name in _MADE:
            self._keep(account, name, self.secrets.get(name) or secrets.token_hex(32))
        admin_key = self.secrets.get("admin-key") or new_api_key("sk-proj-admin")
        is_new = self._keep(account, "admin-key", admin_key)
        for name in VARIABLES:
            if name in self.secrets and name not in {*_MADE, "admin-key", *_NOT_TAKEN_ALONG}:
                self._keep(account, name, self.secrets[name])
        return admin_key if is_new else None

    def _keep(self, account: Account, name: str, value: str) -> bool:
        is_new = account.keep_secret(f"{PARAMETERS}/{name}", value)
        self.say(f"{PARAMETERS}/{name}: {'put' if is_new else 'there already, left as it is'}")
        return is_new

    def _tell(
        self,
        account: Account,
        identity: Identity,
        outputs: Mapping[str, Mapping[str, str]],
        made: str | None,
    ) -> None:
        # What was not changed is not told by the CDK, but stands at the stacks.
        there = {**account.stacks(STACKS), **outputs}
        endpoint = there["AIGatewayStack"]["APIEndpoint"]
        if self.is_emulated:
            self.say("The interface was not asked: AWS_ENDPOINT_URL names a stand-in for AWS.")
        else:
            name = f"{PARAMETERS}/admin-key"
            version = self.served.ask(endpoint, account.parameters([name])[name])
            self.say(f"Headgate {version} answers.")
        region = identity.region
        self.say(
            f"\nEndpoint:   {endpoint}"
            f"\nWebSocket:  {there['AIGatewayStack']['WebSocketEndpoint']}"
            f"\nDashboard:  https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            "#dashboards/dashboard/ai-platform"
            "\n            (the platform's own needs a domain: see docs/guides/aws.md)"
        )
        if made is not None:
            self.say(f"\nYour admin key, shown this once:\n\n  {made}\n")
        else:
            self.say(f"Admin key:  the one in {PARAMETERS}/admin-key")


def _design(switches: Mapping[str, str]) -> cost.Design:
    """What the cost model computes with."""
    known = {one.name: one.type for one in fields(cost.Design)}
    given = {name: value for name, value in switches.items() if name in known}
    numbers = {
        name: int(value) if isinstance(getattr(cost.Design(), name), int) else value
        for name, value in given.items()
    }
    return replace(cost.Design(), **numbers)  # type: ignore[arg-type]


def _given_bundle(switches: Mapping[str, str]) -> Finding:
    path = switches.get("bundle")
    if path is not None and not Path(path).is_file():
        return Finding("fail", f"{path} is not there", "Make it with `make bundle`.")
    return Finding("ok", path or "made here")


def _docker() -> str | None:
    return shutil.which(os.environ.get("CDK_DOCKER") or "docker")


def own_secrets(settings: Settings) -> Mapping[str, str]:
    """The secrets that these settings have, by the names of their parameters."""
    fields_of = {variable.name: name for name, (variable, _) in SETTINGS.items()}
    found = {}
    for parameter, variable in VARIABLES.items():
        value = getattr(settings, fields_of[variable])
        if value is not None:
            found[parameter] = value.reveal()
    return found


def switch(text: str) -> tuple[str, str]:
    """A `name=value` of the command line."""
    name, is_there, value = text.partition("=")
    if name == "region":
        raise argparse.ArgumentTypeError("the region is that of AWS_REGION or of the AWS profile")
    if not is_there or name not in SWITCHES:
        near = difflib.get_close_matches(name, SWITCHES, 1)
        hint = f"; did you mean {near[0]}?" if near else f": {', '.join(SWITCHES)}"
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE of a switch{hint}")
    default = getattr(cost.Design(), name, None)
    if isinstance(default, int) and not (value.isascii() and value.isdigit()):
        raise argparse.ArgumentTypeError(f"{name} is {value!r}: give a whole number")
    return name, value


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it; gives the exit code."""
    parser = argparse.ArgumentParser(prog="headgate", description=__doc__)
    parser.add_argument("what", choices=["deploy", "destroy"])
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("-c", "--context", type=switch, action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        deploying = Deploying(
            Account.at_hand,
            Toolkit.at_hand(),
            Served(),
            own_secrets(Settings.load()),
            click.echo,
            lambda question: options.yes or click.confirm(question),
            is_emulated=bool(os.environ.get("AWS_ENDPOINT_URL")),
        )
        if options.what == "deploy":
            deploying.deploy(dict(options.context))
        else:
            deploying.destroy()
    except (NotReady, SettingsError) as error:
        click.echo(f"Error: {error}.", err=True)
    except (AccountRefused, ToolFailed, NotServed) as error:
        click.echo(f"Error: {error}.\n{_AGAIN}", err=True)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Ended. What AWS has begun, it ends by itself.", err=True)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
