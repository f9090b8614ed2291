package io.github.mlx4j.report;

import java.util.stream.Collectors;

/** Renders reports as self-contained HTML pages for light and dark screens. */
public final class Page {

    private static final String STYLE = """
            :root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --line: #d0d7de; --faint: #57606a }
            @media (prefers-color-scheme: dark) {
              :root { --ink: #e6edf3; --paper: #0d1117; --line: #30363d; --faint: #8b949e }
            }
            body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
                   max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
            table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
            th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top }
            svg { display: block; max-width: 100%; height: auto; margin: 1rem 0 }
            pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: 13px/1.45 ui-monospace, monospace }
            .faint { color: var(--faint) }
            .answers td { width: 50% }
            """;

    private Page() {}

    /**
     * Renders a page with a title; {@code body} is HTML. The page's content security policy prevents it from loading
     * resources and running scripts.
     */
    public static String html(String title, CharSequence body) {
        return """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
                <title>%1$s</title>
                <style>
                %2$s</style>
                </head>
                <body>
                <h1>%1$s</h1>
                %3$s</body>
                </html>
                """.formatted(escape(title), STYLE, body);
    }

    /** Escapes a text for HTML. */
    public static String escape(String text) {
        return text.chars()
                .mapToObj(c -> switch (c) {
                    case '&' -> "&amp;";
                    case '<' -> "&lt;";
                    case '>' -> "&gt;";
                    case '"' -> "&quot;";
                    case '\'' -> "&#39;";
                    default -> Character.toString(c);
                })
                .collect(Collectors.joining());
    }
}
