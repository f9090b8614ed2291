package io.github.mlx4j.environment;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.FakeMac;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests which interpreter is chosen on the Mac of someone who has never run mlx4j. */
@Timeout(60)
class FirstContactTest {

    private static final String USUAL_PATH = "/opt/homebrew/bin:/usr/local/bin:" + FakeMac.DOCK_PATH;

    @TempDir
    private Path root;

    private FakeMac mac;

    @BeforeEach
    void makeMac() throws IOException {
        mac = new FakeMac(root);
        mac.placeholder();
        mac.arch();
    }

    /** A situation: what is installed ({@code PATH=version,machine}, + has the packages), who asks, what is chosen. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            nothing at all                     |                                                          | dock  | native  | PYTHON_NOT_FOUND             | PYTHON_NOT_FOUND
            the tools, and no other            | tools                                                    | dock  | native  | PYTHON_TOO_OLD               | PYTHON_TOO_OLD
            the tools, removed by an upgrade   | removed-tools                                            | dock  | native  | PYTHON_NOT_FOUND             | PYTHON_NOT_FOUND
            Homebrew, from a terminal          | /opt/homebrew/bin/python3=3.14,arm64+                    | usual | native  | /opt/homebrew/bin/python3    | /opt/homebrew/bin/python3
            Homebrew, from the Dock            | /opt/homebrew/bin/python3=3.14,arm64+                    | dock  | native  | /opt/homebrew/bin/python3    | /opt/homebrew/bin/python3
            Homebrew and the tools             | tools /opt/homebrew/bin/python3.12=3.12,arm64+           | dock  | native  | /opt/homebrew/bin/python3.12 | /opt/homebrew/bin/python3.12
            uv's managed Python                | /Users/me/.local/share/uv/python/a/bin/python3=3.12,arm64+ | dock | native | /Users/me/.local/share/uv/python/a/bin/python3 | /Users/me/.local/share/uv/python/a/bin/python3
            pyenv without its shims            | /Users/me/.pyenv/versions/3.11.7/bin/python=3.11,arm64+  | dock  | native  | /Users/me/.pyenv/versions/3.11.7/bin/python | /Users/me/.pyenv/versions/3.11.7/bin/python
            an Intel Homebrew, and no other    | /usr/local/bin/python3=3.12,x86_64+                      | usual | native  | PYTHON_NOT_ARM64             | PYTHON_NOT_ARM64
            an Intel Homebrew before uv        | /usr/local/bin/python3=3.12,x86_64+ /Users/me/.local/bin/python3.11=3.11,arm64+ | usual | native | /Users/me/.local/bin/python3.11 | /Users/me/.local/bin/python3.11
            an old one hides a good one        | /usr/local/bin/python3=3.9,arm64 /usr/local/bin/python3.12=3.12,arm64+ | usual | native | /usr/local/bin/python3.12 | /usr/local/bin/python3.12
            the packages are in another        | /opt/homebrew/bin/python3=3.13,arm64 /Users/me/miniforge3/bin/python=3.12,arm64+ | usual | native | /Users/me/miniforge3/bin/python | /opt/homebrew/bin/python3
            no packages anywhere               | /opt/homebrew/bin/python3=3.13,arm64                     | usual | native  | PACKAGE_MISSING              | /opt/homebrew/bin/python3
            too new for the locked packages    | /opt/homebrew/bin/python3=3.15,arm64+                    | usual | native  | /opt/homebrew/bin/python3    | PYTHON_TOO_NEW
            too new, with a good one beside it | /opt/homebrew/bin/python3=3.15,arm64 /opt/homebrew/bin/python3.14=3.14,arm64+ | usual | native | /opt/homebrew/bin/python3.14 | /opt/homebrew/bin/python3.14
            universal under an Intel JVM       | /usr/local/bin/python3=3.12,universal+                   | dock  | rosetta | /usr/local/bin/python3       | /usr/local/bin/python3
            Intel under an Intel JVM           | /usr/local/bin/python3=3.12,x86_64+                      | dock  | rosetta | PYTHON_NOT_ARM64             | PYTHON_NOT_ARM64
            """)
    void shouldChoose(
            String situation, @Nullable String installed, String path, String jvm, String worker, String setup)
            throws IOException {
        install(installed);
        ProgramFolders folders = mac.folders(path.equals("dock") ? FakeMac.DOCK_PATH : USUAL_PATH);
        Interpreters interpreters = new Interpreters(null, "", mac.at("/Users/me/.mlx4j"), folders);
        Platform platform = jvm.equals("native") ? FakeMac.NATIVE : FakeMac.ROSETTA;

        assertThat(chosen(new WorkerProbe(ProviderKind.MLX, platform, false, interpreters).check()))
                .as("for the worker")
                .isEqualTo(worker);
        assertThat(chosen(new BasePython(platform, interpreters).find("mlx")))
                .as("for setup")
                .isEqualTo(setup);
        assertThat(mac.openedADialog()).isFalse();
    }

    @Test
    void shouldAskOnlyTheManagedEnvironmentWhenItIsWhole() throws IOException {
        mac.python("/opt/homebrew/bin/python3", "3.14", "arm64", true);
        mac.python("/Users/me/.mlx4j/envs/mlx/bin/python", "3.12", "arm64", true);

        assertThat(probe(FakeMac.NATIVE).check().isReady()).isTrue();
        assertThat(mac.asked()).containsExactly("/Users/me/.mlx4j/envs/mlx/bin/python");
    }

    @Test
    void shouldSayWhatIsWrongWithTheManagedEnvironmentWhenNoOtherIsSuitable() throws IOException {
        mac.python("/opt/homebrew/bin/python3", "3.14", "arm64", false);
        mac.python("/Users/me/.mlx4j/envs/mlx/bin/python", "3.12", "x86_64", true);

        assertThat(not(probe(FakeMac.NATIVE)).reason())
                .isEqualTo(mac.at("/Users/me/.mlx4j/envs/mlx/bin/python")
                        + " runs as x86_64, but the packages need an arm64 Python on Apple silicon.");
    }

    @Test
    void shouldAskEachInterpreterOnceWhateverItsNames() throws IOException {
        mac.python("/opt/homebrew/bin/python3.13", "3.13", "arm64", false);
        mac.link("/opt/homebrew/bin/python3", "/opt/homebrew/bin/python3.13");
        mac.link("/Users/me/.local/bin/python3.13", "/opt/homebrew/bin/python3.13");

        assertThat(not(probe(FakeMac.NATIVE)).code()).isEqualTo(Reason.PACKAGE_MISSING);
        assertThat(mac.asked()).hasSize(1);
    }

    @Test
    void shouldAskAVirtualEnvironmentBesideItsBase() throws IOException {
        mac.python("/opt/homebrew/bin/python3", "3.13", "arm64", false);
        mac.link("/Users/me/project/bin/python3", "/opt/homebrew/bin/python3");
        Files.createFile(mac.at("/Users/me/project/pyvenv.cfg"));
        Interpreters interpreters = new Interpreters(
                null, "", mac.at("/nowhere"), mac.folders("/Users/me/project/bin:" + FakeMac.DOCK_PATH));

        assertThat(interpreters.installed())
                .containsSubsequence(mac.at("/Users/me/project/bin/python3"), mac.at("/opt/homebrew/bin/python3"));
    }

    @Test
    void shouldRunNeitherALinkToThePlaceholderNorAShimWithoutTheTools() throws IOException {
        mac.link("/Users/me/bin/python", "/usr/bin/python3");
        mac.python("/Users/me/.pyenv/shims/python3", "3.12", "arm64", true);
        Interpreters interpreters = new Interpreters(
                null, "", mac.at("/nowhere"), mac.folders("/Users/me/.pyenv/shims:/Users/me/bin:" + FakeMac.DOCK_PATH));

        Availability.Unavailable not = not(new WorkerProbe(ProviderKind.HF, FakeMac.NATIVE, false, interpreters));

        assertThat(not.code()).isEqualTo(Reason.PYTHON_NOT_FOUND);
        assertThat(not.reason())
                .contains(mac.at("/Users/me/.pyenv/shims/python3") + " is not used")
                .contains("command line developer tools are not installed");
        assertThat(not.fix()).contains("brew install python");
        assertThat(mac.asked()).isEmpty();
        assertThat(mac.openedADialog()).isFalse();
        assertThat(interpreters.first()).isEmpty();

        mac.tools(true);
        assertThat(new WorkerProbe(ProviderKind.HF, FakeMac.NATIVE, false, interpreters)
                        .check()
                        .isReady())
                .isTrue();
        assertThat(interpreters.first()).contains(mac.at("/Users/me/.pyenv/shims/python3"));
    }

    @Test
    void shouldNotRunThePlaceholderWhenTheUserNamesIt() {
        Interpreters named = new Interpreters(
                mac.at("/usr/bin/python3").toString(), "PYTHON_PATH", root, mac.folders(FakeMac.DOCK_PATH));

        assertThat(not(new WorkerProbe(ProviderKind.HF, FakeMac.NATIVE, false, named))
                        .reason())
                .startsWith(mac.at("/usr/bin/python3") + " is not used");
        assertThat(new InstallationCheck(ProviderKind.HF, FakeMac.NATIVE, false, named, InstallationCheck.PATIENCE)
                        .run()
                        .interpreter())
                .isNull();
        assertThat(mac.openedADialog()).isFalse();
    }

    @Test
    void shouldListWhatWasPassedOverWhenNoneIsSuitable() throws IOException {
        mac.python("/usr/local/bin/python3", "3.12", "x86_64", true);
        mac.python("/opt/homebrew/bin/python3", "3.9", "arm64", false);

        Availability.Unavailable not = not(probe(FakeMac.NATIVE));

        assertThat(not.code()).isEqualTo(Reason.PYTHON_NOT_ARM64);
        assertThat(not.reason())
                .startsWith(mac.at("/usr/local/bin/python3") + " runs as x86_64")
                .contains(mac.at("/opt/homebrew/bin/python3") + " is Python 3.9, but mlx-lm needs 3.11 or newer.")
                .contains(mac.at("/usr/bin/python3") + " is not used");
        assertThat(not.fix())
                .startsWith("Install an arm64 Python, such as with `/opt/homebrew/bin/brew install python`");
    }

    @Test
    void shouldLetHfRunInAnIntelPython() throws IOException {
        mac.python("/usr/local/bin/python3", "3.12", "x86_64", true);
        Interpreters interpreters = new Interpreters(null, "", mac.at("/nowhere"), mac.folders(FakeMac.DOCK_PATH));

        assertThat(new WorkerProbe(ProviderKind.HF, FakeMac.NATIVE, false, interpreters)
                        .check()
                        .isReady())
                .isTrue();
    }

    @Test
    void shouldStartPythonThroughArchUnderAnIntelJvm() throws IOException {
        Path python = mac.python("/usr/local/bin/python3", "3.12", "universal", true);

        Availability found = probe(FakeMac.ROSETTA).check();

        assertThat(((Availability.Ready) found).command())
                .isEqualTo(List.of(mac.at("/usr/bin/arch").toString(), "-arm64", "-x86_64", python.toString()));
    }

    private WorkerProbe probe(Platform platform) {
        ProgramFolders folders = mac.folders(FakeMac.DOCK_PATH);
        return new WorkerProbe(
                ProviderKind.MLX, platform, false, new Interpreters(null, "", mac.at("/Users/me/.mlx4j"), folders));
    }

    private void install(@Nullable String installed) throws IOException {
        for (String one : installed == null ? new String[0] : installed.split(" +")) {
            if (one.endsWith("tools")) {
                mac.tools(one.equals("tools"));
            } else {
                String[] parts = one.split("[=,+]");
                mac.python(parts[0], parts[1], parts[2], one.endsWith("+"));
            }
        }
    }

    private String chosen(Availability found) {
        return found instanceof Availability.Ready ready
                ? "/" + root.relativize(ready.interpreter())
                : ((Availability.Unavailable) found).code().name();
    }

    private static Availability.Unavailable not(WorkerProbe probe) {
        return (Availability.Unavailable) probe.check();
    }
}
