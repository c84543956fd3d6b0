"""The one place that puts the platform together from its parts."""
