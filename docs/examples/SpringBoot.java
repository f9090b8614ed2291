package example;

import io.github.mlx4j.port.TextGenerationPort;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** A Spring Boot program that asks a model. It only needs mlx4j on the class path. */
@SpringBootApplication
public class SpringBoot {

    public static void main(String[] args) {
        SpringApplication.run(SpringBoot.class, args).close(); // closing the context stops the worker
    }

    @Bean
    CommandLineRunner ask(TextGenerationPort llm) {
        return args -> System.out.println(llm.generate("Why is the sky blue?").text());
    }
}
