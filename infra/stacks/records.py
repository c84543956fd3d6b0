"""Logs: encrypted, kept as long as it was chosen, gone with their stack."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from deployment import Deployment

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def retention(days: int) -> logs.RetentionDays:
    """The shortest time that CloudWatch offers and that is at least `days`; a year at most."""
    return _RETENTION[min((offer for offer in _RETENTION if offer >= days), default=365)]


def log_group(
    scope: Construct, name_here: str, key: kms.IKey, deployment: Deployment, *, name: str | None
) -> logs.LogGroup:
    """A log; with a `name` where somebody has to find it."""
    return logs.LogGroup(
        scope,
        name_here,
        log_group_name=name,
        encryption_key=key,
        retention=retention(deployment.log_days),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
