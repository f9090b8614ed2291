package io.github.mlx4j.remote;

import io.github.mlx4j.provider.ProviderKind;

/** The format in which each provider writes an answer. */
enum Wire {
    OPENAI(ProviderKind.OPENAI) {
        @Override
        String piece(String text) {
            return chunk("{\"content\":\"" + text + "\"}", "null");
        }

        @Override
        String thinking(String text) {
            return chunk("{\"reasoning_content\":\"" + text + "\"}", "null");
        }

        @Override
        String end() {
            return chunk("{}", "\"stop\"")
                    + "data: {\"id\":\"c1\",\"model\":\"some-model\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,"
                    + "\"completion_tokens\":7,\"total_tokens\":18,\"prompt_tokens_details\":{\"cached_tokens\":4},"
                    + "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n\ndata: [DONE]\n\n";
        }
    },
    OLLAMA(ProviderKind.OLLAMA) {
        @Override
        String piece(String text) {
            return line("{\"role\":\"assistant\",\"content\":\"" + text + "\"}");
        }

        @Override
        String thinking(String text) {
            return line("{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"" + text + "\"}");
        }

        @Override
        String end() {
            return "{\"model\":\"some-model\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"
                    + "\"done_reason\":\"stop\",\"prompt_eval_count\":11,\"eval_count\":7}\n";
        }
    },
    ANTHROPIC(ProviderKind.ANTHROPIC) {
        @Override
        String begin() {
            return event(
                    "message_start",
                    "{\"message\":{\"id\":\"m1\",\"model\":\"some-model\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1,"
                            + "\"cache_creation_input_tokens\":2,\"cache_read_input_tokens\":4}}}");
        }

        @Override
        String piece(String text) {
            return block("text", "text", text);
        }

        @Override
        String thinking(String text) {
            return block("thinking", "thinking", text);
        }

        @Override
        String end() {
            return event("message_delta", "{\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}")
                    + event("message_stop", "{}");
        }
    };

    final ProviderKind kind;

    Wire(ProviderKind kind) {
        this.kind = kind;
    }

    String begin() {
        return "";
    }

    abstract String piece(String text);

    abstract String thinking(String text);

    abstract String end();

    static String chunk(String delta, String finish) {
        return "data: {\"id\":\"c1\",\"model\":\"some-model\",\"choices\":[{\"index\":0,\"delta\":" + delta
                + ",\"finish_reason\":" + finish + "}]}\n\n";
    }

    static String line(String message) {
        return "{\"model\":\"some-model\",\"message\":" + message + ",\"done\":false}\n";
    }

    static String event(String name, String data) {
        return "event: " + name + "\ndata: {\"type\":\"" + name + "\""
                + (data.equals("{}") ? "}" : "," + data.substring(1)) + "\n\n";
    }

    private static String block(String type, String field, String text) {
        return event("content_block_start", "{\"index\":0,\"content_block\":{\"type\":\"" + type + "\"}}")
                + event("content_block_delta", "{\"index\":0,\"delta\":{\"" + field + "\":\"" + text + "\"}}")
                + event("content_block_stop", "{\"index\":0}");
    }
}
