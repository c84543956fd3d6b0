"""Routes of single sign-on."""

from headgate.http import dashboard, sign_on
from headgate.http.routes import Route


def sign_on_routes() -> list[Route]:
    """The way to the identity provider, and back."""
    pages = sign_on.SignOnPages(dashboard.built_pages())
    return [
        Route(
            method="GET",
            path="/v1/session/sign-on",
            access="open",
            handler=pages.begin_sign_on,
            summary="Sign in with the company's identity provider",
            description=(
                "Sends the browser there (OpenID Connect, authorization code with PKCE). 404 where"
                " single sign-on is not set up."
            ),
            answer=str,
            media_type="text/html",
            status=302,
        ),
        Route(
            method="GET",
            path=sign_on.CALLBACK,
            access="open",
            handler=pages.finish_sign_on,
            summary="Come back from the identity provider",
            description=(
                "Sets the session's cookie and leads to the dashboard; what goes wrong is told on"
                " a page. The sign-in has to have begun in the same browser, within ten minutes."
            ),
            query=sign_on.CallbackQuery,
            answer=str,
            media_type="text/html",
            status=302,
        ),
    ]
