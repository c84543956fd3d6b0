"""AIAgentsStack: tasks that work on runs, the queue they take them from, the engine's database."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deployment import PREFIX, Deployment
from stacks.access import acknowledge, allow
from stacks.records import log_group
from stacks.security import SecurityStack
from stacks.tasks import platform_service, platform_task

DATABASE = "headgate"
INSTANCE = f"{PREFIX}-engine"
ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_9)
PORT = 3001
RUN_QUEUE = "HEADGATE_RUN_QUEUE_URL"
# A run is taken off the queue and kept in the engine's database at once, so this is short.
VISIBILITY = cdk.Duration.minutes(2)
RECEIVES = 5


class AgentsStack(cdk.Stack):
    """Runs, from the queue to their end.

    Attributes:
        queue: tells the tasks of new runs; news that come twice do no harm.
        dead_letters: takes those that no task could take.
    """

    def __init__(
        self, scope: Construct, name: str, *, deployment: Deployment, security: SecurityStack
    ) -> None:
        super().__init__(scope, name, description="AI platform: agents", env=deployment.environment)
        security.bound(self)
        self._deployment = deployment
        self._security = security
        self._key = kms.Key.from_key_arn(self, "Key", security.key_arn)
        self.dead_letters, self.queue = self._queues()
        self.database = self._database()
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=f"{PREFIX}-agents",
            vpc=security.vpc,
            enable_fargate_capacity_providers=True,
        )
        acknowledge(
            self.cluster,
            {"ECS4": "Its metrics cost more than the tasks do; the dashboard shows the free ones."},
        )
        self.service = platform_service(
            self,
            cluster=self.cluster,
            task=self._task(),
            deployment=deployment,
            security=security,
            groups=[security.ecs_security_group],
        )
        self._scale(self.service)
        cdk.CfnOutput(self, "ClusterName", value=self.cluster.cluster_name)
        cdk.CfnOutput(self, "QueueUrl", value=self.queue.queue_url)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=self.dead_letters.queue_url)

    def _queues(self) -> tuple[sqs.Queue, sqs.Queue]:
        dead = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{PREFIX}-agent-runs-dead",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(dead, {"SQS3": "It is the dead-letter queue itself."})
        queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{PREFIX}-agent-runs",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            visibility_timeout=VISIBILITY,
            retention_period=cdk.Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=RECEIVES, queue=dead),
        )
        return dead, queue

    def _database(self) -> rds.DatabaseInstance:
        logged = log_group(
            self,
            "DatabaseLogs",
            self._key,
            self._deployment,
            name=f"/aws/rds/instance/{INSTANCE}/postgresql",
        )
        database = rds.DatabaseInstance(
            self,
            "Database",
            instance_identifier=INSTANCE,
            engine=ENGINE,
            parameter_group=rds.ParameterGroup(
                self, "DatabaseParameters", engine=ENGINE, parameters={"rds.force_ssl": "1"}
            ),
            instance_type=ec2.InstanceType(self._deployment.database_class),
            vpc=self._security.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self._database_group()],
            database_name=DATABASE,
            credentials=rds.Credentials.from_generated_secret("headgate", encryption_key=self._key),
            allocated_storage=self._deployment.database_gb,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=self._key,
            backup_retention=cdk.Duration.days(7),
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            deletion_protection=True,
            cloudwatch_logs_exports=["postgresql"],
            removal_policy=cdk.RemovalPolicy.SNAPSHOT,
        )
        # Else the database makes a log that is kept for ever.
        database.node.add_dependency(logged)
        acknowledge(
            database,
            {
                "RDS3": "A copy in another zone doubles the price; runs wait while it restarts.",
                "RDS11": "Nothing but the security group of the tasks reaches the port.",
                "SMG4": "Rotation needs a function in the network, with a way out at a price.",
            },
        )
        return database

    def _database_group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "DatabaseSecurityGroup",
            vpc=self._security.vpc,
            description="AI platform database: only tasks come in",
            allow_all_outbound=False,
        )
        tasks = self._security.ecs_security_group.security_group_id
        group.add_ingress_rule(ec2.Peer.security_group_id(tasks), ec2.Port.tcp(5432), "Tasks")
        return group

    def _task(self) -> ecs.FargateTaskDefinition:
        secret = self.database.secret
        if secret is None:
            raise RuntimeError("the database was made without credentials")
        fields = ("PGHOST", "host"), ("PGPORT", "port"), ("PGDATABASE", "dbname")
        login = ("PGUSER", "username"), ("PGPASSWORD", "password")
        task = platform_task(
            self,
            "Task",
            deployment=self._deployment,
            key=self._key,
            role="agents",
            port=PORT,
            variables={
                # What is missing here, PostgreSQL's own client takes from the variables below.
                "HEADGATE_DATABASE_URL": "postgresql://",
                "PGSSLMODE": "require",
                RUN_QUEUE: self.queue.queue_url,
            },
            secrets={
                name: ecs.Secret.from_secrets_manager(secret, field)
                for name, field in (*fields, *login)
            },
        )
        receive = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        allow(task.task_role, "Runs", receive, [self.queue.queue_arn])
        connections = "prod/POST/@connections/*"
        pushing = self.format_arn(service="execute-api", resource="*", resource_name=connections)
        allow(task.task_role, "Push", ["execute-api:ManageConnections"], [pushing])
        acknowledge(
            task.task_role,
            {
                f"IAM5[Resource::arn:<AWS::Partition>:execute-api:{self.region}:"
                f"<AWS::AccountId>:*/{connections}]": (
                    "The WebSocket API belongs to a stack that comes later, and a connection's "
                    "name is not known before it is there."
                )
            },
        )
        return task

    def _scale(self, service: ecs.FargateService) -> None:
        target = service.auto_scale_task_count(
            min_capacity=self._deployment.tasks_min, max_capacity=self._deployment.tasks_max
        )
        waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
        )
        target.scale_on_metric(
            "WaitingRuns",
            metric=waiting,
            adjustment_type=scaling.AdjustmentType.CHANGE_IN_CAPACITY,
            scaling_steps=[
                scaling.ScalingInterval(upper=0, change=-1),
                scaling.ScalingInterval(lower=10, change=1),
                scaling.ScalingInterval(lower=100, change=3),
            ],
            cooldown=cdk.Duration.minutes(2),
        )
