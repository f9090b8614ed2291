package io.github.mlx4j.langchain4j;

/**
 * Checks for LangChain4j's types for asynchronous calls, which exist since version 1.20. Models that refer to them are
 * separate classes, because Spring and Mockito read the signatures of all methods of a class, which fails if a type is
 * missing.
 */
final class AsyncCalls {

    private AsyncCalls() {}

    /** Returns whether the LangChain4j on the class path has these types. */
    static boolean arePresent() {
        try {
            Class.forName("dev.langchain4j.model.chat.response.ChatModelStreamingEvent");
            return true;
        } catch (ClassNotFoundException older) {
            return false;
        }
    }
}
