package io.github.mlx4j;

import static com.tngtech.archunit.base.DescribedPredicate.anyElementThat;
import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.conditions.ArchPredicates.are;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noCodeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArchitectureTest {

    private static final String ROOT = "io.github.mlx4j";

    /** Each package with those of ours that it may use; the root's own name is empty. */
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            entry(
                    "",
                    Set.of(
                            "adapter",
                            "config",
                            "device",
                            "environment",
                            "error",
                            "event",
                            "generation",
                            "hub",
                            "internal.files",
                            "internal.process",
                            "internal.worker",
                            "model",
                            "model.registry",
                            "port",
                            "provider",
                            "remote",
                            "task")),
            entry(
                    "adapter",
                    Set.of(
                            "device",
                            "config",
                            "environment",
                            "error",
                            "event",
                            "generation",
                            "internal.files",
                            "internal.process",
                            "internal.protocol",
                            "internal.threads",
                            "internal.worker",
                            "model",
                            "model.registry",
                            "port",
                            "provider")),
            entry("answer", Set.of("error", "generation")),
            entry("bench", Set.of("device", "error", "event", "generation", "port", "report", "training")),
            entry(
                    "cli.environment",
                    Set.of(
                            "",
                            "cli.generate",
                            "cli.output",
                            "config",
                            "device",
                            "environment",
                            "error",
                            "event",
                            "generation",
                            "internal.files",
                            "internal.process",
                            "internal.worker",
                            "model.registry",
                            "port",
                            "provider")),
            entry(
                    "cli.generate",
                    Set.of("", "cli.output", "compare", "config", "generation", "port", "provider", "task")),
            entry(
                    "cli.models",
                    Set.of(
                            "",
                            "adapter",
                            "cli.generate",
                            "cli.output",
                            "compare",
                            "config",
                            "conversion",
                            "device",
                            "error",
                            "generation",
                            "hub",
                            "model",
                            "model.registry",
                            "port",
                            "provider")),
            entry("cli.output", Set.of("conversion", "device", "error", "hub")),
            entry(
                    "cli.training",
                    Set.of(
                            "",
                            "adapter",
                            "bench",
                            "cli.generate",
                            "cli.output",
                            "compare",
                            "config",
                            "device",
                            "environment",
                            "error",
                            "event",
                            "internal.files",
                            "internal.process",
                            "model",
                            "model.registry",
                            "port",
                            "provider",
                            "training",
                            "training.config")),
            entry(
                    "compare",
                    Set.of("error", "generation", "internal.files", "internal.process", "port", "provider", "report")),
            entry("config", Set.of("error", "event", "internal.process")),
            entry(
                    "conversion",
                    Set.of(
                            "",
                            "config",
                            "environment",
                            "error",
                            "internal.files",
                            "internal.process",
                            "internal.protocol",
                            "internal.worker",
                            "provider")),
            entry("device", Set.of("error", "provider")),
            entry("environment", Set.of("device", "error", "internal.files", "internal.process", "provider")),
            entry("error", Set.of()),
            entry("event", Set.of("error", "generation", "internal.threads", "port", "provider")),
            entry("generation", Set.of("error", "provider")),
            entry(
                    "hub",
                    Set.of(
                            "environment",
                            "error",
                            "internal.process",
                            "internal.protocol",
                            "internal.threads",
                            "internal.worker",
                            "model.registry",
                            "provider")),
            entry("internal.files", Set.of("error")),
            entry("internal.json", Set.of("config", "error", "provider")),
            entry("internal.model", Set.of("error", "internal.files")),
            entry(
                    "internal.process",
                    Set.of("error", "event", "internal.files", "internal.protocol", "internal.threads", "provider")),
            entry("internal.protocol", Set.of("error", "event", "generation", "port", "provider")),
            entry("internal.threads", Set.of()),
            entry(
                    "internal.worker",
                    Set.of(
                            "environment",
                            "error",
                            "event",
                            "internal.process",
                            "internal.protocol",
                            "internal.threads",
                            "port",
                            "provider")),
            entry("langchain4j", Set.of("error", "generation", "port", "provider")),
            entry("metrics", Set.of("error", "event", "generation", "port", "provider")),
            entry("model", Set.of("error", "internal.files", "internal.model")),
            entry("model.registry", Set.of("device", "error", "internal.files", "internal.model", "model", "provider")),
            entry("port", Set.of("answer", "error", "generation", "internal.threads", "provider")),
            entry("provider", Set.of()),
            entry("remote", Set.of("error", "event", "generation", "internal.threads", "port", "provider")),
            entry("report", Set.of()),
            entry("spring", Set.of("", "error", "event", "langchain4j", "metrics", "port", "provider", "task")),
            entry("task", Set.of("answer", "error", "generation", "port")),
            entry("testing", Set.of("error", "generation", "port", "provider")),
            entry(
                    "training",
                    Set.of(
                            "",
                            "config",
                            "environment",
                            "error",
                            "internal.files",
                            "internal.json",
                            "internal.process",
                            "internal.protocol",
                            "internal.threads",
                            "internal.worker",
                            "provider",
                            "report",
                            "training.config")),
            entry(
                    "training.config",
                    Set.of(
                            "",
                            "config",
                            "device",
                            "environment",
                            "error",
                            "internal.json",
                            "model",
                            "model.registry",
                            "provider")),
            entry(
                    "cli",
                    Set.of(
                            "cli.environment",
                            "cli.generate",
                            "cli.models",
                            "cli.output",
                            "cli.training",
                            "error",
                            "internal.files")));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    static Set<String> packages() {
        return MAY_USE.keySet();
    }

    @ParameterizedTest
    @MethodSource("packages")
    void shouldUseOnlyAllowedPackagesWhenInPackage(String name) {
        String[] allowed = Stream.concat(Stream.of(name), MAY_USE.get(name).stream())
                .map(ArchitectureTest::fullName)
                .toArray(String[]::new);

        classes()
                .that()
                .resideInAPackage(fullName(name))
                .should()
                .onlyDependOnClassesThat(resideOutsideOfPackage(ROOT + "..").or(resideInAnyPackage(allowed)))
                .check(CLASSES);
    }

    @Test
    void shouldHaveAnEntryAboveWhenThereIsAPackage() {
        Set<String> there = CLASSES.stream().map(JavaClass::getPackageName).collect(Collectors.toSet());

        assertThat(there)
                .containsExactlyInAnyOrderElementsOf(MAY_USE.keySet().stream()
                        .map(ArchitectureTest::fullName)
                        .toList());
    }

    @Test
    void shouldHaveNoCyclesWhenPackagesUseEachOther() {
        slices().assignedFrom(new SliceAssignment() {
                    @Override
                    public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
                        return javaClass.getPackageName().startsWith(ROOT)
                                ? SliceIdentifier.of(javaClass.getPackageName())
                                : SliceIdentifier.ignore();
                    }

                    @Override
                    public String getDescription() {
                        return "packages of mlx4j";
                    }
                })
                .should()
                .beFreeOfCycles()
                .check(CLASSES);
    }

    @Test
    void shouldExportEveryPackageThatIsNotInternal() {
        assertThat(module().exports())
                .allMatch(export -> !export.isQualified())
                .extracting(ModuleDescriptor.Exports::source)
                .containsExactlyInAnyOrderElementsOf(MAY_USE.keySet().stream()
                        .filter(name -> !name.startsWith("internal.") && !isOfTheCommandLine(name))
                        .map(ArchitectureTest::fullName)
                        .toList());
    }

    /**
     * javac's own check would also want {@code static transitive} dependencies, which every program needs to compile.
     */
    @Test
    void shouldNameNoInternalTypeInItsApi() {
        DescribedPredicate<JavaClass> isApi = resideOutsideOfPackages(ROOT + ".internal..", ROOT + ".cli..")
                .and(describe("is public", type -> type.getModifiers().contains(JavaModifier.PUBLIC)));
        DescribedPredicate<JavaClass> isInternal = resideInAPackage(ROOT + ".internal..");

        noCodeUnits()
                .that()
                .areDeclaredInClassesThat(isApi)
                .and(are(describe(
                        "public or protected",
                        unit -> unit.getModifiers().contains(JavaModifier.PUBLIC)
                                || unit.getModifiers().contains(JavaModifier.PROTECTED))))
                .should()
                .haveRawReturnType(isInternal)
                .orShould()
                .haveRawParameterTypes(anyElementThat(isInternal))
                .check(CLASSES);
    }

    @Test
    void shouldOpenToJacksonTheRecordsThatItReadsAndWrites() {
        Set<String> open = module().opens().stream()
                .filter(opened -> opened.targets().contains("com.fasterxml.jackson.databind"))
                .map(ModuleDescriptor.Opens::source)
                .collect(Collectors.toSet());

        noClasses()
                .that()
                .resideOutsideOfPackages(open.toArray(String[]::new))
                .and()
                .resideOutsideOfPackages(
                        ROOT + ".cli..", // which is not in this module
                        ROOT + ".answer", // writes maps only
                        ROOT + ".generation", // writes maps only
                        ROOT + ".internal.json", // reads and writes the records of the packages that use it
                        ROOT + ".internal.process", // writes maps only
                        ROOT + ".internal.worker") // writes maps only
                .should()
                .callMethodWhere(describe(
                        "a method of ObjectMapper that takes any type",
                        call -> call.getTargetOwner().isAssignableTo(ObjectMapper.class)
                                && Set.of(
                                                "readValue",
                                                "treeToValue",
                                                "convertValue",
                                                "valueToTree",
                                                "writeValueAsString")
                                        .contains(call.getName())))
                .check(CLASSES);
    }

    /** An optional dependency must not be needed where it is missing. */
    @Test
    void shouldRequireAtRunTimeOnlyWhatIsNoOptionalDependency() {
        assertThat(module().requires())
                .filteredOn(required -> !required.modifiers().contains(Modifier.STATIC)
                        && !required.modifiers().contains(Modifier.MANDATED))
                .extracting(ModuleDescriptor.Requires::name)
                .containsExactlyInAnyOrder(
                        "com.fasterxml.jackson.databind",
                        "io.github.resilience4j.circuitbreaker",
                        "io.github.resilience4j.core",
                        "java.management",
                        "java.net.http",
                        "org.jspecify",
                        "org.slf4j",
                        "org.zeroturnaround.exec");
    }

    private static ModuleDescriptor module() {
        try (InputStream descriptor = Files.newInputStream(Path.of("target", "classes", "module-info.class"))) {
            return ModuleDescriptor.read(descriptor);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Test
    void shouldChangeAConfigurationThroughItsBuilderOnly() {
        noMethods()
                .that()
                .areDeclaredInClassesThat(describe(
                        "are configurations or requests",
                        type -> type.getSimpleName().endsWith("Config")
                                || type.getSimpleName().endsWith("Request")))
                .should()
                .haveNameMatching("with[A-Z].*")
                .check(CLASSES);
    }

    @Test
    void shouldSayWhatAClassIsWhenNamingIt() {
        noClasses()
                .should()
                .haveNameMatching(".*(Util|Utils|Helper|Helpers)(\\$.*)?")
                .orShould()
                .resideInAnyPackage("..util..", "..common..")
                .check(CLASSES);
    }

    @Test
    void shouldBeNullMarkedWhenAClassIsPublic() {
        List<JavaClass> api = CLASSES.stream()
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                .filter(resideOutsideOfPackage(ROOT + ".internal..").and(not(resideInAPackage(ROOT + ".cli.."))))
                .toList();

        assertThat(api).isNotEmpty().allMatch(type -> type.getPackage().isAnnotatedWith(NullMarked.class));
    }

    @Test
    void shouldPrintOnlyInTheCommandLine() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".cli..")
                .should(ACCESS_STANDARD_STREAMS)
                .check(CLASSES);
    }

    @Test
    void shouldLogOnlyThroughSlf4j() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.util.logging..")
                .check(CLASSES);
    }

    /** The wall clock can be set back, so ages and waits need {@code System.nanoTime()}. */
    @Test
    void shouldReadTheWallClockOnlyToTellPeopleTheTime() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName(ROOT + ".internal.worker.Worker") // for its history
                .and()
                .doNotHaveFullyQualifiedName(ROOT + ".task.EnhancementAdapter")
                .should()
                .callMethod(Clock.class, "systemUTC")
                .orShould()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .check(CLASSES);
    }

    /** The others work without it, since it is an optional dependency. */
    @Test
    void shouldUseLangChain4jInThreePackagesOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackages(ROOT + ".remote", ROOT + ".langchain4j", ROOT + ".spring")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.langchain4j..")
                .check(CLASSES);
    }

    @Test
    void shouldUseMicrometerInTwoPackagesOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackages(ROOT + ".metrics", ROOT + ".spring")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.micrometer..", "io.github.resilience4j.micrometer..")
                .check(CLASSES);
    }

    @Test
    void shouldUseSpringInOnePackageOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".spring")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.springframework..")
                .check(CLASSES);
    }

    /** Everything else works without it, since kotlin-reflect is an optional dependency. */
    @Test
    void shouldUseKotlinInOneClassOnly() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName(ROOT + ".answer.KotlinDeclaration")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("kotlin..")
                .check(CLASSES);
    }

    /** A reader should see a package's files at a glance. The errors are one family. */
    @Test
    void shouldHaveFewFilesInAPackage() {
        Map<String, Long> files = CLASSES.stream()
                .filter(JavaClass::isTopLevelClass)
                .filter(type -> !type.getPackageName().equals(ROOT + ".error"))
                .collect(Collectors.groupingBy(JavaClass::getPackageName, Collectors.counting()));

        assertThat(files)
                .isNotEmpty()
                .allSatisfy((name, count) -> assertThat(count).as(name).isLessThanOrEqualTo(22));
    }

    private static boolean isOfTheCommandLine(String name) {
        return name.equals("cli") || name.startsWith("cli.");
    }

    private static String fullName(String name) {
        return name.isEmpty() ? ROOT : ROOT + "." + name;
    }
}
