package io.github.mlx4j.cli.generate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/**
 * Converts a text argument. {@code -} reads all of standard input as UTF-8, without the final line break. Text that the
 * JVM could not decode is an error.
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
                    "it contains characters that this locale's encoding (%s) can't represent. Set LC_ALL=C.UTF-8, or pass - and the text on standard input."
                            .formatted(encoding));
        }
        return value;
    }

    static String read(InputStream input) throws IOException {
        byte[] bytes = input.readNBytes(MAX_BYTES + 1);
        if (bytes.length > MAX_BYTES) {
            throw new CommandLine.TypeConversionException("standard input is larger than 16 MiB.");
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString()
                    .replaceFirst("\\r?\\n\\z", "");
            if (text.isBlank()) {
                throw new CommandLine.TypeConversionException("standard input is empty.");
            }
            return text;
        } catch (CharacterCodingException other) {
            throw new CommandLine.TypeConversionException("standard input is not valid UTF-8.");
        }
    }
}
