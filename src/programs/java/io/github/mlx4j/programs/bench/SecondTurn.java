package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.List;

/**
 * Compares the time to first token in the second turn of a chat with that of an unknown chat of the same length: the
 * same work, without a hit in the prefix cache.
 */
final class SecondTurn implements Scenario {

    private static final int CONTEXT = 1500;
    private static final int TOKENS = 4;

    @Override
    public boolean measures(ProviderKind engine) {
        return engine == ProviderKind.MLX;
    }

    @Override
    public void run(Lab lab) {
        Table table = lab.table(
                "Second turn", "arm", "first turn cached, ms", "not cached, ms", "shorter by [95%]", "n", "note");
        List<Arm> arms = new ArrayList<>(List.of(lab.mlx4j));
        Arm server = lab.server();
        if (server != null) {
            arms.add(server);
        }
        double[][] warm = new double[arms.size()][lab.count(5, 20)];
        double[][] cold = new double[arms.size()][lab.count(5, 20)];
        int tokens = 0;
        int added = 0;
        for (int i = 0; i < warm[0].length; i++) {
            for (Arm arm : lab.abba(arms).get(0)) {
                int at = arms.indexOf(arm);
                String context = lab.prompts.message(CONTEXT);
                String answer = ask(arm, lab.prompts.chat(context)).text();
                String second = lab.prompts.chat(context, answer, lab.prompts.message(1));
                String unseen = lab.prompts.chat(lab.prompts.message(CONTEXT), answer, lab.prompts.message(1));
                tokens = lab.prompts.count(second);
                added = tokens - lab.prompts.count(lab.prompts.chat(context)) - TOKENS;
                warm[at][i] = ask(arm, second).firstMs();
                cold[at][i] = ask(arm, unseen).firstMs();
            }
        }
        for (Arm arm : arms) {
            int at = arms.indexOf(arm);
            Interval sooner = Statistics.median95(Statistics.ratios(cold[at], warm[at]));
            String note = "prompt of %d tokens, about %d of them new".formatted(tokens, added);
            table.row(
                    arm.name(),
                    Interval.number(Statistics.median(warm[at])),
                    Interval.number(Statistics.median(cold[at])),
                    sooner,
                    warm[at].length,
                    note);
            lab.raw("turn", arm.name(), "second turn, ms", warm[at]);
            lab.raw("turn", arm.name(), "never seen, ms", cold[at]);
            if (arm == lab.mlx4j) {
                lab.measured(Limit.SECOND_TURN, sooner, warm[at].length, note);
            }
        }
    }

    private static Answer ask(Arm arm, String prompt) {
        Answer answer = arm.ask(List.of(prompt), TOKENS).answers().get(0);
        if (!answer.isWhole()) {
            throw new IllegalStateException(arm.name() + " lost an answer: " + answer.lost());
        }
        return answer;
    }
}
