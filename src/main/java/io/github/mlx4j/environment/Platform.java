package io.github.mlx4j.environment;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * The platform that this JVM runs on.
 *
 * @param os the system property {@code os.name}
 * @param arch the system property {@code os.arch}
 * @param translated whether this is an Intel JVM on Apple silicon
 * @param version the system property {@code os.version}
 */
public record Platform(String os, String arch, boolean translated, String version) {

    private static final int OLDEST_MACOS = 14;
    private static final Pattern VERSION = Pattern.compile("(\\d{1,4})(\\..*)?");

    /** Creates a platform with an unknown version. */
    public Platform(String os, String arch, boolean translated) {
        this(os, arch, translated, "");
    }

    /** Returns the platform of this JVM. */
    public static Platform current() {
        String os = System.getProperty("os.name");
        String arch = System.getProperty("os.arch");
        return new Platform(
                os, arch, isMac(os) && !arch.equals("aarch64") && isTranslated(), System.getProperty("os.version"));
    }

    /** Returns whether this is Windows. */
    public boolean isWindows() {
        return os.toLowerCase(Locale.ROOT).startsWith("windows");
    }

    /** Returns whether this is macOS. */
    public boolean isMac() {
        return isMac(os);
    }

    /** Returns whether this is a Mac with Apple silicon, even if this is an Intel JVM. */
    public boolean isAppleSilicon() {
        return isMac() && (translated || arch.equals("aarch64"));
    }

    /**
     * Returns the reason why MLX does not support this platform; empty if it does. MLX needs macOS 14 or newer on Apple
     * silicon.
     */
    public Optional<Availability.Unavailable> whyNotForMlx() {
        String override =
                "Or set MLX4J_ALLOW_ANY_PLATFORM=true to use MLX's own builds for this platform, if there are any.";
        if (!isMac()) {
            return Optional.of(new Availability.Unavailable(
                    Reason.NOT_MACOS,
                    "MLX is made for macOS on Apple silicon, but this is " + os + " on " + arch + ".",
                    "Use another provider here (hf runs everywhere). " + override));
        }
        if (!isAppleSilicon()) {
            return Optional.of(new Availability.Unavailable(
                    Reason.NOT_ARM64,
                    "MLX needs Apple silicon (aarch64), but this Mac's processor is " + arch + ".",
                    "Use another provider on this Mac, such as ollama. PyTorch, which hf needs, has no current builds"
                            + " for Intel Macs either."));
        }
        OptionalInt major = macosVersion();
        if (major.isPresent() && major.getAsInt() < OLDEST_MACOS) {
            return Optional.of(new Availability.Unavailable(
                    Reason.MACOS_TOO_OLD,
                    "MLX needs macOS " + OLDEST_MACOS + " or newer, but this is macOS " + version + ".",
                    "Update macOS, or use another provider here, such as hf."));
        }
        return Optional.empty();
    }

    /** Returns the major version; empty if it is unknown. Version 10.16 can mean any newer version. */
    private OptionalInt macosVersion() {
        Matcher numbers = VERSION.matcher(version);
        return numbers.matches() && !version.startsWith("10.16")
                ? OptionalInt.of(Integer.parseInt(numbers.group(1)))
                : OptionalInt.empty();
    }

    private static boolean isMac(String os) {
        return os.toLowerCase(Locale.ROOT).startsWith("mac");
    }

    private static boolean isTranslated() {
        try {
            return new ProcessExecutor("/usr/sbin/sysctl", "-in", "sysctl.proc_translated")
                    .readOutput(true)
                    .execute()
                    .outputUTF8()
                    .strip()
                    .equals("1");
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            return false;
        } catch (Exception unknown) {
            return false; // Intel Macs don't have this value
        }
    }
}
