"""The events of Anthropic's streams as pieces of an answer."""

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.providers.anthropic_shapes import FINISH_REASONS, Block, Delta, Event, thought_of


class EventReader:
    """Reads one answer's events in their order, and numbers its tool calls from 0."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._with_arguments: set[int] = set()

    def delta(self, event: Event) -> chat.ChatDelta | None:
        """The piece of the answer that an event is, or None."""
        index = event.index or 0
        if event.content_block is not None:
            return self._begun(index, event.content_block)
        if event.type == "content_block_stop":
            return self._ended(index)
        if event.delta is None:
            return None
        if event.type == "content_block_delta":
            return self._continued(index, event.delta)
        if event.delta.stop_reason is None:
            return None
        return chat.ChatDelta(
            finish_reason=FINISH_REASONS.get(event.delta.stop_reason, "stop"),
            stop_sequence=event.delta.stop_sequence,
        )

    def _begun(self, index: int, block: Block) -> chat.ChatDelta | None:
        if block.type == "tool_use":
            number = self._calls[index] = len(self._calls)
            head = chat.ToolCallDelta(number, block.id or new_id("toolu"), block.name)
            return chat.ChatDelta(tool_calls=(head,))
        if block.text:
            return chat.ChatDelta(text=block.text)
        thought = thought_of(block)
        if thought is None or thought == chat.Thinking():
            return None
        return chat.ChatDelta(thinking=thought)

    def _continued(self, index: int, delta: Delta) -> chat.ChatDelta | None:
        if delta.text:
            return chat.ChatDelta(text=delta.text)
        if delta.partial_json and index in self._calls:
            self._with_arguments.add(index)
            piece = chat.ToolCallDelta(self._calls[index], arguments=delta.partial_json)
            return chat.ChatDelta(tool_calls=(piece,))
        if delta.thinking or delta.signature:
            return chat.ChatDelta(thinking=chat.Thinking(delta.thinking or "", delta.signature))
        return None

    def _ended(self, index: int) -> chat.ChatDelta | None:
        """The arguments of a tool that is called with none: other protocols want JSON there."""
        if index not in self._calls or index in self._with_arguments:
            return None
        empty = chat.ToolCallDelta(self._calls[index], arguments="{}")
        return chat.ChatDelta(tool_calls=(empty,))
