import json

from headgate.core.embedded_metrics import metric_line


def test_a_line_says_which_of_its_fields_is_a_metric() -> None:
    """As AWS's specification of the embedded metric format demands it."""
    line = metric_line("Cups", "Count", 3, now=1_700_000_000.5, said={"message": "tea\nor coffee"})
    assert "\n" not in line
    told = json.loads(line)
    assert told["_aws"] == {
        "Timestamp": 1_700_000_000_500,
        "CloudWatchMetrics": [
            {
                "Namespace": "AIPlatform",
                "Dimensions": [[]],
                "Metrics": [{"Name": "Cups", "Unit": "Count"}],
            }
        ],
    }
    assert (told["Cups"], told["message"]) == (3, "tea\nor coffee")
