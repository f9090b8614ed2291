# Functions shared by the scripts, which source this file with $root set.

need() { # need COMMAND WHAT_TO_DO
  command -v "$1" >/dev/null || { echo "$1 is required: $2" >&2; exit 69; }
}

build_cli() { # sets cli_jar; builds it if it is missing or older than its sources
  need java "install a JDK, 17 or newer."
  need mvn "install Maven, 3.8 or newer."
  cli_jar=$(ls "$root"/target/mlx4j-*-cli.jar 2>/dev/null | head -n 1 || true)
  if [ -z "$cli_jar" ] || [ -n "$(find "$root/pom.xml" "$root/src/main" "$root/python" -newer "$cli_jar" -type f \
      -not -path '*/tests/*' -not -path '*/__pycache__/*' -not -path '*/.*cache/*' | head -n 1)" ]; then
    echo "building mlx4j …" >&2
    mvn -q -B -ntp -f "$root/pom.xml" package -Dmaven.test.skip -Dspotless.check.skip >&2
    cli_jar=$(ls "$root"/target/mlx4j-*-cli.jar | head -n 1)
    touch "$cli_jar"
  fi
}

allow_this_platform() { # on Linux, use MLX's CPU build
  [ "$(uname -s)" = Darwin ] || export MLX4J_ALLOW_ANY_PLATFORM=true
}

use_fixture_model() {
  export MLX_MODEL=${MLX_MODEL:-$root/src/test/resources/models/tiny-chat}
}
