package io.github.mlx4j.cli.generate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/**
 * A text that a command takes: {@code -} is the whole standard input, in UTF-8, without the line break at its end. A
 * text that the JVM could not decode is refused, rather than passed on without its letters.
 */
final class TextArgument implements CommandLine.ITypeConverter<String> {

    private static final int MAX_BYTES = 16 << 20;

    @Override
    public String convert(String value) throws IOException {
        if (value.equals("-")) {
            return read(System.in);
        }
        String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
        if (value.indexOf('\uFFFD') >= 0 && !encoding.startsWith("UTF")) {
            throw new CommandLine.TypeConversionException(
                    "it has characters that the encoding of this locale (%s) doesn't have. Set LC_ALL=C.UTF-8, or pass the text on the standard input, with -."
                            .formatted(encoding));
        }
        return value;
    }

    static String read(InputStream input) throws IOException {
        byte[] bytes = input.readNBytes(MAX_BYTES + 1);
        if (bytes.length > MAX_BYTES) {
            throw new CommandLine.TypeConversionException("the standard input has more than 16 MiB.");
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString()
                    .replaceFirst("\\r?\\n\\z", "");
            if (text.isBlank()) {
                throw new CommandLine.TypeConversionException("the standard input has no text.");
            }
            return text;
        } catch (CharacterCodingException other) {
            throw new CommandLine.TypeConversionException("the standard input is not UTF-8.");
        }
    }
}
