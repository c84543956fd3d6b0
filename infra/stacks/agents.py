"""AIAgentsStack: tasks that work on runs, the queue they take them from, the engine's database."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deployment import INFRA, PREFIX, Deployment
from stacks.access import acknowledge, allow_platform
from stacks.functions import environment, retention
from stacks.security import SecurityStack

DATABASE = "headgate"
# A run is taken off the queue and kept in the engine's database at once, so this is short.
VISIBILITY = cdk.Duration.minutes(2)
RECEIVES = 5


class AgentsStack(cdk.Stack):
    """Runs, from the queue to their end.

    Attributes:
        queue: takes commands to runs; a command that comes twice does no harm.
    """

    def __init__(
        self, scope: Construct, name: str, *, deployment: Deployment, security: SecurityStack
    ) -> None:
        super().__init__(
            scope, name, description="AI platform: agents", env=deployment.environment
        )
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
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        self.service = self._service(self._task())
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
        acknowledge(dead, SQS3="It is the dead-letter queue itself.")
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
        group = ec2.SecurityGroup(
            self,
            "DatabaseSecurityGroup",
            vpc=self._security.vpc,
            description="The engine's database: only tasks come in",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(
            ec2.Peer.security_group_id(self._security.ecs_security_group.security_group_id),
            ec2.Port.tcp(5432),
            "Tasks",
        )
        parameters = rds.ParameterGroup(
            self,
            "DatabaseParameters",
            engine=_engine(),
            parameters={"rds.force_ssl": "1"},
        )
        database = rds.DatabaseInstance(
            self,
            "Database",
            engine=_engine(),
            parameter_group=parameters,
            instance_type=ec2.InstanceType(self._deployment.database_class),
            vpc=self._security.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
            database_name=DATABASE,
            credentials=rds.Credentials.from_generated_secret(
                "headgate", encryption_key=self._key
            ),
            allocated_storage=self._deployment.database_gb,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=self._key,
            backup_retention=cdk.Duration.days(7),
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            deletion_protection=True,
            cloudwatch_logs_exports=["postgresql"],
            cloudwatch_logs_retention=retention(self._deployment.log_days),
            removal_policy=cdk.RemovalPolicy.SNAPSHOT,
        )
        acknowledge(
            database,
            RDS3="A second copy in another zone doubles the price; runs wait while it restarts.",
            RDS11="Nothing but the tasks' security group reaches the port.",
        )
        if database.secret is not None:
            acknowledge(
                database.secret,
                SMG4="Rotation needs a function in the network; `docs/guides/aws.md` says how.",
            )
        return database

    def _task(self) -> ecs.FargateTaskDefinition:
        deployment, security = self._deployment, self._security
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{PREFIX}-agents",
            cpu=deployment.task_cpu,
            memory_limit_mib=deployment.task_memory_mb,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{PREFIX}/agents",
            encryption_key=self._key,
            retention=retention(deployment.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        secret = self.database.secret
        if secret is None:
            raise RuntimeError("the database was made without credentials")
        task.add_container(
            "agents",
            image=image(self, deployment),
            command=["serve", "--role", "agents", "--host", "0.0.0.0", "--port", "3001"],
            logging=ecs.LogDriver.aws_logs(stream_prefix="agents", log_group=log_group),
            readonly_root_filesystem=True,
            stop_timeout=cdk.Duration.seconds(120),
            health_check=ecs.HealthCheck(
                command=["CMD", "headgate", "doctor", "--health", "http://127.0.0.1:3001"],
                start_period=cdk.Duration.seconds(60),
            ),
            environment={
                **environment(deployment, security.key_arn),
                "HEADGATE_AGENT_QUEUE": self.queue.queue_url,
                # What is missing here, PostgreSQL's own client takes from the variables below.
                "HEADGATE_DATABASE_URL": "postgresql://",
                "PGSSLMODE": "require",
            },
            secrets={
                name: ecs.Secret.from_secrets_manager(secret, field)
                for name, field in (
                    ("PGHOST", "host"),
                    ("PGPORT", "port"),
                    ("PGDATABASE", "dbname"),
                    ("PGUSER", "username"),
                    ("PGPASSWORD", "password"),
                )
            },
        )
        allow_platform(self, task.task_role, security.key_arn)
        self.queue.grant_consume_messages(task.task_role)
        task.add_to_task_role_policy(
            iam.PolicyStatement(
                sid="Push",
                actions=["execute-api:ManageConnections"],
                resources=[
                    self.format_arn(
                        service="execute-api", resource="*", resource_name="prod/POST/@connections/*"
                    )
                ],
            )
        )
        acknowledge(
            task,
            ECS2="What is said there is public: names and addresses. Secrets come from their stores.",
        )
        acknowledge(
            task.task_role,
            IAM5="Bedrock's models, connections of WebSockets and keys for data are not known before.",
        )
        if task.execution_role is not None:
            acknowledge(
                task.execution_role, IAM5="`ecr:GetAuthorizationToken` knows no resources."
            )
        return task

    def _service(self, task: ecs.FargateTaskDefinition) -> ecs.FargateService:
        deployment = self._deployment
        return ecs.FargateService(
            self,
            "Service",
            cluster=self.cluster,
            service_name=f"{PREFIX}-agents",
            task_definition=task,
            desired_count=deployment.tasks_min,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            assign_public_ip=deployment.egress == "public",
            vpc_subnets=self._security.task_subnets(deployment),
            security_groups=[self._security.ecs_security_group],
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(
                    capacity_provider="FARGATE", base=deployment.tasks_min, weight=1
                ),
                # A run survives the loss of its task, so what comes on top may be interrupted.
                ecs.CapacityProviderStrategy(
                    capacity_provider="FARGATE_SPOT", weight=deployment.spot
                ),
            ],
        )

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


def image(scope: Construct, deployment: Deployment) -> ecs.ContainerImage:
    """The image of the platform: one that is given, or one that is built of the sources."""
    if deployment.image:
        return ecs.ContainerImage.from_registry(deployment.image)
    return ecs.ContainerImage.from_asset(
        str(INFRA.parent),
        file="deploy/Dockerfile",
        platform=ecr_assets.Platform.LINUX_ARM64,
        exclude=["*", "!src", "!requirements", "!deploy", "!pyproject.toml", "!README.md"],
    )


def _engine() -> rds.IInstanceEngine:
    return rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17)
