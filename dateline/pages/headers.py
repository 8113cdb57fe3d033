"""The security headers that every answer of ours carries, ready page or not."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

# No inline script or style, nothing from another host. JSON-LD blocks are data; CSP leaves them alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """Django middleware: refuses a host that is not ours and adds the security headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; one for a foreign host, or for none, gets 400."""
        try:
            request.get_host()
            known = "HTTP_HOST" in request.META  # RFC 9112 section 3.2: a request without Host is a bad one
        except DisallowedHost:
            known = False
        if known:
            response = self._get_response(request)
        else:
            text = "This server does not answer to that host name (DATELINE_HOSTS).\n"
            response = HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
