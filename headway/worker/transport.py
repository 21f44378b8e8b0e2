"""The queue in Redis as Celery reads it, except for malformed messages, servers that refuse,
and broken connections."""

import contextlib
import logging
from collections.abc import Iterator
from queue import Empty
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from redis.exceptions import ResponseError

from headway.worker import messages

logger = logging.getLogger(__name__)

OPTIONS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
}
"""Seconds, for a Redis that is away or hangs; `broker_transport_options` may say otherwise."""


class QoS(redis.QoS):
    """Counts a message as done though Redis cannot be told so, being read-only or out of reach:
    else the worker would end, or wait for it for ever. Should the message come again, its job's
    lease refuses it."""

    channel: "Channel"

    def ack(self, delivery_tag: str) -> None:
        try:
            with self.channel.tidy():
                super().ack(delivery_tag)
        except (
            ResponseError,
            AttributeError,
        ) as error:  # the latter: kombu has left the connection
            logger.warning("The queue did not take that a message is done: %s", error)
            super(redis.QoS, self).ack(delivery_tag)


class Message(virtual.Message):
    """Is none if kombu could not tell Redis afterwards that it is done."""

    def __init__(self, payload: Any, *args: Any, **kwargs: Any) -> None:
        messages.require_envelope(payload)
        super().__init__(payload, *args, **kwargs)


class Channel(redis.Channel):
    """Drops what other programs have put into the list: Celery's own would end the worker with it,
    and the jobs in it. Leaves no socket open that only Python's collector would close."""

    QoS = QoS
    Message = Message
    _pool: Any  # of redis-py; the stubs do not know it
    _client_of_pool: Any = None

    def close(self) -> None:
        """Closes what kombu would leave open: the connections over which it puts messages back
        once it has closed the others, and all of them when Redis does not answer."""
        pool = self._pool
        try:
            super().close()
        finally:
            self._disconnect_pools()  # type: ignore[attr-defined]  # not in the stubs
            self._pool = pool  # for jobs that are done later

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Kombu makes one for each command to the queue: a fifth of what a message costs it. All
        that it keeps is the pool."""
        if asynchronous:  # asked once, and keeps the connection that it waits on
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # not in the stubs
        kept, pool = self._client_of_pool, self.pool
        if kept is None or kept.connection_pool is not pool:
            kept = self._client_of_pool = super()._create_client()  # type: ignore[misc]  # nor this
        return kept

    @contextlib.contextmanager
    def tidy(self) -> Iterator[None]:
        """For what a job says over the channel that it came from when that is closed already, as
        Celery has reconnected: kombu opens a connection for it, which would never be closed."""
        try:
            yield
        finally:
            if self.closed:
                self._pool.disconnect()

    def _brpop_read(self, **options: Any) -> Any:
        with self._dropping():
            return super()._brpop_read(**options)  # type: ignore[misc]  # not in the stubs

    def _receive_one(self, *args: Any) -> Any:
        with self._dropping():
            return super()._receive_one(*args)  # type: ignore[misc]  # not in the stubs

    def _handle_message(self, client: Any, response: Any) -> Any:
        """Of what is sent to all workers, kombu writes a traceback where it is no JSON."""
        payload: Any = super()._handle_message(client, response)  # type: ignore[misc]  # nor this
        if payload["data"] and bytes_to_str(payload["type"]).endswith("message"):
            try:
                loads(bytes_to_str(payload["data"]))
            except (TypeError, ValueError) as error:
                raise messages.MessageError(f"it is no JSON: {error}") from error
        return payload

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[None]:
        """Whatever else than a lost connection comes out of a message: Celery would end for it."""
        lost: tuple[type[BaseException], ...] = (
            Empty,
            *self.connection.connection_errors,
            *self.connection.channel_errors,
        )
        try:
            yield
        except lost:
            raise
        except Exception as error:
            messages.refuse(error)
            raise Empty from error


class Transport(redis.Transport):
    """Kombu's, with channels of ours, which wait for nothing long."""

    Channel = Channel

    def __init__(self, client: Any, **options: Any) -> None:
        client.transport_options = OPTIONS | (client.transport_options or {})
        super().__init__(client, **options)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Closes what Redis refuses to serve, being read-only or over its memory limit: Celery
        reconnects several times in a second, and leaves each connection as it is."""
        try:
            super().register_with_event_loop(connection, loop)
        except Exception:
            self.close_connection(connection)
            raise


class SentinelChannel(Channel, redis.SentinelChannel):
    """The same, with the primary that Sentinels name."""


class SentinelTransport(Transport):
    """For `sentinel://` brokers."""

    default_port = 26379
    Channel = SentinelChannel
