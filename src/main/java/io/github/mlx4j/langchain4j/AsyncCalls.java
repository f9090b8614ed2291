package io.github.mlx4j.langchain4j;

/**
 * The types of asynchronous calls, which LangChain4j has had since 1.20. Models that name them are classes of their
 * own, because Spring and Mockito read the signatures of all methods of a class, which fails where a type is missing.
 */
final class AsyncCalls {

    private AsyncCalls() {}

    /** Whether the LangChain4j on the class path has them. */
    static boolean arePresent() {
        try {
            Class.forName("dev.langchain4j.model.chat.response.ChatModelStreamingEvent");
            return true;
        } catch (ClassNotFoundException older) {
            return false;
        }
    }
}
