package io.github.mlx4j.remote;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** A test with servers and adapters. After each test method, adapters are closed first, then servers. */
abstract class ServerTest {

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    final FakeServer server(FakeServer.Answer answer) throws IOException {
        FakeServer server = new FakeServer(answer);
        open.add(server);
        return server;
    }

    final RemoteAdapter adapter(Wire wire, FakeServer server) {
        return closing(server.adapter(wire.kind));
    }

    final RemoteAdapter closing(RemoteAdapter adapter) {
        open.add(0, adapter);
        return adapter;
    }
}
