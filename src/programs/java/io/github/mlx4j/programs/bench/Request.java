package io.github.mlx4j.programs.bench;

/**
 * What a caller asks for.
 *
 * @param prompt the rendered prompt
 * @param maxTokens the number of tokens to generate
 * @param sampling how tokens are chosen
 * @param afterMs when the request arrives, in milliseconds after the start of its round
 */
record Request(String prompt, int maxTokens, Sampling sampling, long afterMs) {

    static Request greedy(String prompt, int maxTokens) {
        return new Request(prompt, maxTokens, Sampling.GREEDY, 0);
    }
}
