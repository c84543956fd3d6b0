"""The events of Bedrock's streams as pieces of an answer."""

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.providers.bedrock_shapes import FINISH_REASONS, Block, Event, fragment_of


class EventReader:
    """Reads one answer's events in their order, and numbers its tool calls from 0."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._with_arguments: set[int] = set()

    def delta(self, kind: str, event: Event) -> chat.ChatDelta | None:
        """The piece of the answer that an event of this type is, or None."""
        index = event.content_block_index
        if kind == "contentBlockStart":
            return self._begun(index, event.start or Block())
        if kind == "contentBlockDelta":
            return self._continued(index, event.delta or Block())
        if kind == "contentBlockStop":
            return self._ended(index)
        if kind == "messageStop":
            more = event.additional_model_response_fields
            return chat.ChatDelta(
                finish_reason=FINISH_REASONS.get(event.stop_reason, "stop"),
                stop_sequence=None if more is None else more.stop_sequence,
            )
        return None

    def _begun(self, index: int, block: Block) -> chat.ChatDelta | None:
        tool = block.tool_use
        if tool is None:
            return None
        number = self._calls[index] = len(self._calls)
        head = chat.ToolCallDelta(number, tool.tool_use_id or new_id("tooluse"), tool.name)
        return chat.ChatDelta(tool_calls=(head,))

    def _continued(self, index: int, block: Block) -> chat.ChatDelta | None:
        if block.text:
            return chat.ChatDelta(text=block.text)
        if block.tool_use is not None and index in self._calls:
            fragment = fragment_of(block.tool_use)
            if not fragment:
                return None
            self._with_arguments.add(index)
            piece = chat.ToolCallDelta(self._calls[index], arguments=fragment)
            return chat.ChatDelta(tool_calls=(piece,))
        if block.reasoning_content is not None:
            thought = block.reasoning_content.thought()
            return None if thought is None else chat.ChatDelta(thinking=thought)
        return None

    def _ended(self, index: int) -> chat.ChatDelta | None:
        """The arguments of a tool that is called with none: other protocols want JSON there."""
        if index not in self._calls or index in self._with_arguments:
            return None
        empty = chat.ToolCallDelta(self._calls[index], arguments="{}")
        return chat.ChatDelta(tool_calls=(empty,))
