"""What leads to this machine asks no proxy; where nobody answers, the message says what stands in the way."""

from __future__ import annotations

import socket
import threading

import pytest

from mer_tf.errors import ServerError
from mer_tf.serving import network
from mer_tf.serving.client import PredictionClient

HERE = ("localhost", "LOCALHOST.", "me.localhost", "0.0.0.0", "127.0.0.53", "::", "::1", "::ffff:127.0.0.1")
ELSEWHERE = ("192.0.2.7", "::ffff:192.0.2.7", "127.0.0.1.example.invalid", "no.such.host.invalid", "224.0.0.1")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in (*network.PROXIES, *network.EXCEPTIONS):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", [*HERE, socket.gethostname()])
def test_this_machine_by_any_name(host, monkeypatch):
    assert network.is_here(host)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert network.proxy_for(host) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_other_machines(host, monkeypatch):
    assert not network.is_here(host)
    assert network.proxy_for(host) is None
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.invalid:3128/")
    assert network.proxy_for(host) == network.Proxy("http_proxy", "proxy.invalid:3128")
    monkeypatch.setenv("grpc_proxy", "http://first:1")
    assert network.proxy_for(host).variable == "grpc_proxy"
    monkeypatch.setenv("no_proxy", f"other, {host}")
    assert network.proxy_for(host) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "[::ffff:127.0.0.1]", "localhost"])
def test_a_dead_proxy_keeps_nobody_from_this_machine(server, host, monkeypatch):
    for name in network.PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with PredictionClient(f"{host}:{server.port}") as client:
        assert client.describe().version == server.version


def told(address: str) -> str:
    with PredictionClient(address, timeout=30, attempts=1) as client, pytest.raises(ServerError) as caught:
        client.describe()
    return str(caught.value)


def test_a_proxy_in_the_way_is_named_and_its_password_is_not(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:9")
    said = told("192.0.2.7:8500")
    assert "through the proxy 127.0.0.1:9 that the environment variable http_proxy names" in said
    assert "no_proxy=192.0.2.7" in said and "mer serve" not in said and "secret" not in said


def test_a_name_that_nobody_knows():
    said = told("no.such.host.invalid:8500")
    assert "'no.such.host.invalid' cannot be resolved" in said and "mer serve" not in said


def test_a_listener_of_another_kind():
    """A web server, for example TensorFlow Serving's REST port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_ = []

        def answer():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_.append(connection)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.close()

        threading.Thread(target=answer, daemon=True).start()
        said = told(f"127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    assert open_ and "look whether the port is right" in said and "mer serve" not in said
