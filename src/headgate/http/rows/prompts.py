"""Routes to prompt templates."""

from headgate.http import prompts
from headgate.http.routes import Route


def prompt_routes() -> list[Route]:
    """What templates there are, and what they give."""
    return [
        Route(
            method="GET",
            path="/v1/prompts",
            access="ai:complete",
            handler=prompts.prompts,
            summary="The prompt templates",
            description=(
                "Each in its latest version. A template of the company's own takes the place of"
                " the platform's of the same name. The list is always whole."
            ),
            answer=prompts.PromptList,
        ),
        Route(
            method="GET",
            path="/v1/prompts/{name}",
            access="ai:complete",
            handler=prompts.prompt,
            summary="One template, block by block",
            description="Without `version`, the latest.",
            query=prompts.VersionQuery,
            answer=prompts.PromptDetail,
        ),
        Route(
            method="POST",
            path="/v1/prompts/{name}/render",
            access="ai:complete",
            handler=prompts.render,
            summary="Fill in a template, or a draft of one",
            description=(
                "Gives the messages as they are best written for `model`, or in the `style` that"
                " is asked for: `xml` has tags around the blocks, `headings` has headings above"
                " them. Whatever the inputs say stays within its block. No model is called. With"
                " `template`, the text of a file, that is filled in instead; what is wrong with it"
                " is a 400 that names the line and the block."
            ),
            body=prompts.RenderRequest,
            answer=prompts.RenderedPrompt,
        ),
        Route(
            method="GET",
            path="/v1/prompts/{name}/diff",
            access="ai:complete",
            handler=prompts.diff,
            summary="What changed between two versions of a template",
            description="Without `to` the latest, and without `from` the one before it.",
            query=prompts.DiffQuery,
            answer=prompts.PromptDiff,
        ),
    ]
