"""What an examination finds, and the setting of each proxy that cures it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What a measurement means."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NOT_TRIED = "not tried"


PROXIES = ("nginx", "Caddy", "Traefik", "HAProxy", "Apache", "AWS ALB", "Cloudflare")
NOTHING = "does not do it"
_TABLE: Mapping[str, tuple[str, ...]] = {
    "redirects": (
        "give the address that it redirects to; no return or rewrite for streams",
        "give the address that it redirects to; no redir for streams",
        "give the address that it redirects to; no redirectRegex for streams",
        "give the address that it redirects to; no http-request redirect for streams",
        "give the address that it redirects to; no Redirect or RewriteRule for streams",
        "give the address that it redirects to; no redirect action for streams",
        "give the address that it redirects to; no redirect rule for streams",
    ),
    "buffering": (
        "proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering",
        "no buffer_responses, response_buffers or flush_interval in reverse_proxy",
        "no buffering middleware on this router",
        "no http-response wait-for-body; no filter that keeps bodies",
        "ProxyPass ... flushpackets=on; no mod_security that inspects responses",
        "a Lambda target buffers: use an instance or IP target",
        "no rule that rewrites bodies; Cache Rule: Bypass cache",
    ),
    "compression": (
        "gzip off, or no text/event-stream in gzip_types; no proxy_hide_header Content-Encoding",
        "@pages not path */events/; encode @pages gzip",
        "compress middleware: excludedContentTypes: [text/event-stream]",
        "no text/event-stream in compression type; no del-header of Cache-Control",
        'SetEnvIf Request_URI "/events/$" no-gzip',
        NOTHING,
        "Compression Rule: disable compression for /events/",
    ),
    "idle time-out": (
        "proxy_read_timeout 300s, send_timeout 300s",
        "no read_timeout in transport http; servers { timeouts { idle 5m } }",
        "respondingTimeouts.writeTimeout: 0, forwardingTimeouts.readIdleTimeout: 0",
        "timeout server 300s, timeout client 300s, timeout tunnel 300s",
        "ProxyTimeout 300",
        "idle_timeout.timeout_seconds = 300",
        "100 s are fixed: keep STREAM_KEEPALIVE below them",
    ),
    "HTTP/2": (
        "listen 443 ssl http2 (since 1.25.1: http2 on)",
        "on with TLS: no protocols line without h2",
        "on with TLS: no alpnProtocols without h2 in the TLS options",
        "bind :443 ssl crt ... alpn h2,http/1.1",
        "Protocols h2 http/1.1, with mod_http2 and the event MPM",
        "routing.http2.enabled = true, with an HTTPS listener",
        "Speed, Protocol: HTTP/2 on",
    ),
    "Last-Event-ID": (
        "no proxy_set_header Last-Event-ID, and no proxy_pass_request_headers off",
        "no header_up -Last-Event-ID",
        "no Last-Event-ID in customRequestHeaders",
        "no http-request del-header Last-Event-ID",
        "no RequestHeader unset Last-Event-ID",
        NOTHING,
        "no request header rule that removes Last-Event-ID",
    ),
    "resume": (
        "proxy_pass without an address behind the host, or with $is_args$args; no rewrite ... ?",
        "no uri or rewrite that drops {query}",
        "no replacePath middleware that drops the query",
        "no http-request set-query, and no set-uri without the query",
        "RewriteRule with [QSA]",
        "no redirect or rewrite without #{query}",
        "no URL rewrite rule that drops the query",
    ),
    "caching": (
        "proxy_cache off; no proxy_ignore_headers Cache-Control",
        "no cache handler for these addresses",
        "no caching plug-in on this router",
        "no http-request cache-use for these addresses",
        "CacheDisable /",
        NOTHING,
        "Cache Rule for these addresses: Bypass cache",
    ),
    "WebSocket": (
        (
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; Connection upgrade;"
            " Host $http_host; X-Forwarded-Proto $scheme"
        ),
        "no header_up of Upgrade, Connection or Host",
        "no customRequestHeaders for Upgrade or Connection",
        "no del-header of Upgrade or Connection; http-request set-header X-Forwarded-Proto https",
        "ProxyPass ... upgrade=websocket; ProxyPreserveHost On",
        "a listener of HTTP or HTTPS; no WAF rule against Upgrade",
        "Network: WebSockets on",
    ),
    "clocks": tuple("no setting of a proxy: run chrony or systemd-timesyncd" for _ in PROXIES),
}
CURES = {check: dict(zip(PROXIES, cures, strict=True)) for check, cures in _TABLE.items()}
"""check -> proxy -> setting."""


class Finding(NamedTuple):
    """One check: what was measured, as a sentence, and what that means."""

    check: str
    verdict: Verdict
    measured: str

    @property
    def cures(self) -> Mapping[str, str]:
        """By proxy; none where nothing is wrong."""
        wrong = self.verdict in (Verdict.WARN, Verdict.BAD)
        return CURES[self.check] if wrong else {}
