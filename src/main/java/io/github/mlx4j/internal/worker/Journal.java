package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.PrivateFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of worker events, one JSON object per line, for {@code mlx4j doctor}. Several programs may append to it. At
 * 256 KiB, the file is renamed to {@code .1} and a new one is started. Write errors are ignored, so that a journal
 * never affects a worker.
 */
final class Journal {

    private static final long MAX_BYTES = 256 * 1024;
    private static final int MAX_DETAIL = 300;
    private static final Logger log = LoggerFactory.getLogger(Journal.class);
    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final String worker;

    Journal(Path file, String worker) {
        this.file = file;
        this.worker = worker;
    }

    void add(WorkerStatus.Event event) {
        String firstLine = event.detail().lines().findFirst().orElse("");
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", event.time().toString());
        line.put("program", ProcessHandle.current().pid());
        line.put("worker", worker);
        line.put("event", event.name());
        line.put("detail", firstLine.substring(0, Math.min(firstLine.length(), MAX_DETAIL)));
        try {
            if (Files.exists(file) && Files.size(file) > MAX_BYTES) {
                Path older = file.resolveSibling(file.getFileName() + ".1");
                Files.move(file, older, StandardCopyOption.REPLACE_EXISTING);
            }
            String start = endsWithALine() ? "" : "\n"; // a program may have ended in the middle of a write
            byte[] bytes = (start + JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            PrivateFiles.append(file, bytes);
        } catch (IOException error) {
            log.debug("{} could not be written", file, error);
        }
    }

    private boolean endsWithALine() throws IOException {
        if (!Files.exists(file) || Files.size(file) == 0) {
            return true;
        }
        try (InputStream in = Files.newInputStream(file)) {
            in.skipNBytes(Files.size(file) - 1);
            return in.read() == '\n';
        }
    }
}
