using System.Text.Json;
using Lguest.Jit.Launcher.Bench;
using Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Launcher.Tests.Bench;

/// <summary>The benchmark Guest does the same whoever runs it; how fast is nobody's business here.</summary>
public sealed class BenchGuestTests
{
    private const uint Few = 256;

    public static TheoryData<string> Kinds() => [.. BenchCommand.Rows.Where(static r => r.Kind != BenchKind.TimerLatency).Select(static r => r.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Both_engines_and_both_paths_complete_the_same_instructions(string name)
    {
        BenchKind kind = BenchCommand.Rows.First(r => r.Name == name).Kind;
        BenchFigure[] figures =
        [
            BenchRun.Measure(kind, EngineKind.Interpreter, TrapPath.Switcher, Few, 6),
            BenchRun.Measure(kind, EngineKind.Interpreter, TrapPath.Direct, Few, 6),
            BenchRun.Measure(kind, EngineKind.Jit, TrapPath.Switcher, Few, 6),
            BenchRun.Measure(kind, EngineKind.Jit, TrapPath.Direct, Few, 6),
        ];
        Assert.All(figures, f => Assert.Equal(figures[0].Instructions, f.Instructions));
        Assert.All(figures, static f => Assert.True(f.Nanoseconds > 0));
        Assert.InRange(figures[0].Instructions, 4, 1200);
    }

    [Fact]
    public void A_system_call_is_four_instructions_with_the_loop_around_it() =>
        Assert.InRange(BenchRun.Measure(BenchKind.SyscallInterruptGate, EngineKind.Interpreter, TrapPath.Direct, 1000, 2).Instructions, 4, 4.05);

    [Fact]
    public void Timer_interrupts_are_never_early()
    {
        BenchFigure figure = BenchRun.Measure(BenchKind.TimerLatency, EngineKind.Interpreter, TrapPath.Direct, 0, 1);
        Assert.InRange(figure.Nanoseconds, 0, double.MaxValue);
        Assert.True(figure.Nanoseconds99 >= figure.Nanoseconds);
    }

    [Fact]
    public void The_figures_for_programs_have_a_schema_and_a_name_each()
    {
        using var text = new StringWriter();
        BenchCommand.WriteJson(text, [new BenchFigure(BenchKind.Hypercall, EngineKind.Jit, TrapPath.Switcher, 12.345, 4, null)]);
        using JsonDocument document = JsonDocument.Parse(text.ToString());
        Assert.Equal(1, document.RootElement.GetProperty("schema").GetInt32());
        JsonElement figure = document.RootElement.GetProperty("figures")[0];
        Assert.Equal("hypercall", figure.GetProperty("name").GetString());
        Assert.Equal("jit", figure.GetProperty("engine").GetString());
        Assert.Equal("switcher", figure.GetProperty("traps").GetString());
    }

    [Fact]
    public void Every_kind_has_a_row() => Assert.Equal(Enum.GetValues<BenchKind>(), BenchCommand.Rows.Select(static r => r.Kind));
}
