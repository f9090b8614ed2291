package consumer

import io.github.mlx4j.error.Mlx4jException
import io.github.mlx4j.answer.AnswerType
import io.github.mlx4j.answer.Description
import io.github.mlx4j.answer.Size
import java.time.LocalDate

enum class Priority { LOW, HIGH }

@Description("a person")
data class Person(val name: String)

data class Ticket(
    @Description("one line") @Size(min = 1, max = 80) val title: String,
    @field:Size(max = 9) val field: String,
    @get:Size(max = 8) val getter: String,
    val labels: List<@Size(max = 20) String>,
    @Size(max = 3) val owners: Set<Person>,
    val hours: Map<String, Double>,
    val due: LocalDate,
    val note: String?,
    val points: Int?,
    val priority: Priority = Priority.LOW,
    val parent: Ticket? = null,
)

@JvmRecord
data class Line(@Description("what to buy") @Size(max = 30) val item: String, val count: Int, val shop: String?)

data class Guarded(val count: Int = 1) {
    init {
        require(count > 0) { "count must be positive" }
    }
}

data class Lines(val lines: List<Line>)

class Plain(val name: String)

data class Holder(val plain: Plain)

data class Box<T>(val value: T)

data class Endless(val next: Endless)

/** Prints schemas, answers and errors; KotlinIT knows what they must be. */
fun main() {
    for (type in listOf(Ticket::class, Line::class)) {
        println(AnswerType.of(type.java).schema())
    }
    val ticket = """
        {"title": "t", "field": "f", "getter": "g", "labels": ["x"], "owners": [{"name": "Ada"}], "hours": {"mon": 1.5},
         "due": "2027-01-31", "points": 3, "note": null}
    """
    println(AnswerType.of(Ticket::class.java).read(ticket))
    println(AnswerType.of(Line::class.java).read("""{"item": "flour", "count": 2}"""))
    println(AnswerType.of(Lines::class.java).read("""[{"item": "flour", "count": 2, "shop": "mill"}]"""))
    println(AnswerType.of(Guarded::class.java).read("{}"))
    report { AnswerType.of(Guarded::class.java).read("""{"count": 0}""") }
    report { AnswerType.of(Line::class.java).read("""{"item": "flour"}""") }
    for (type in listOf(Plain::class, Holder::class, Box::class, Endless::class)) {
        report { AnswerType.of(type.java) }
    }
}

private fun report(action: () -> Any) {
    try {
        println(action())
    } catch (error: Mlx4jException) {
        println(error.reason())
    }
}
