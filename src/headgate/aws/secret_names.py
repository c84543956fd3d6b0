"""Which secrets AWS keeps for a deployment: the parameter of each, and the variable that it sets.

They lie as SecureString parameters below one path, `/ai-platform/openai-api-key`. One that is
missing is a setting that is not set. The stacks let processes read these and no others, so this
module imports nothing.
"""

VARIABLES = {
    "admin-key": "HEADGATE_ADMIN_KEY",
    "anthropic-api-key": "ANTHROPIC_API_KEY",
    "azure-openai-api-key": "AZURE_OPENAI_API_KEY",
    "cohere-api-key": "COHERE_API_KEY",
    "encryption-salt": "ENCRYPTION_SALT",
    "gemini-api-key": "GEMINI_API_KEY",
    "jwt-secret-key": "JWT_SECRET_KEY",
    "openai-api-key": "OPENAI_API_KEY",
    "redis-url": "HEADGATE_REDIS_URL",
    "slack-webhook-url": "SLACK_WEBHOOK_URL",
}
"""One question to the store may name ten, so there are no more."""

SEALED = {"headgate:use": "vendor-key"}
"""Part of the encryption context of what KMS seals: the stacks let processes seal that alone."""
