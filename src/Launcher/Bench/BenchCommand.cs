using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Launcher.Bench;

/// <summary><c>bench traps</c>: the embedded benchmark Guest on both engines and both paths, as a table or for a machine.</summary>
internal static class BenchCommand
{
    /// <summary>
    /// Rounds, of which the fastest counts. Many and short (a millisecond), so that even on a busy machine one of them is undisturbed, and
    /// so that the translator has compiled everything long before the last.
    /// </summary>
    public const uint Rounds = 400;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    /// <summary>The kinds, how they are called, and how many times a round does them.</summary>
    public static readonly IReadOnlyList<(BenchKind Kind, string Name, string Text, uint Iterations)> Rows =
    [
        (BenchKind.SyscallTrapGate, "syscall-trap-gate", "null system call, trap gate", 20_000),
        (BenchKind.SyscallInterruptGate, "syscall-interrupt-gate", "null system call, interrupt gate", 20_000),
        (BenchKind.Sysenter, "sysenter", "null system call, sysenter", 20_000),
        (BenchKind.ReturnToUser, "iret-to-user", "sysenter in, iret to user", 20_000),
        (BenchKind.SelfInterrupt, "self-interrupt", "int3 within the kernel", 20_000),
        (BenchKind.Hypercall, "hypercall", "hypercall (FLUSH_ASYNC)", 20_000),
        (BenchKind.FaultMinor, "fault-minor", "page fault, minor", 5_120),
        (BenchKind.FaultNewPage, "fault-new-page", "page fault, new page", 2_048),
        (BenchKind.ContextSwitch, "context-switch", "context switch, warm tables", 5_000),
        (BenchKind.TimerLatency, "timer-latency", "timer interrupt latency", 0),
    ];

    /// <summary>The command and its options.</summary>
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Figures for a program to read, on stdout.", Arity = ArgumentArity.Zero };
        var scale = new Option<double>("--scale") { Description = "Do everything so many times as often.", DefaultValueFactory = static _ => 1 };
        var traps = new Command("traps", "System calls, faults, hypercalls and interrupts, in ns, on both engines and both paths.") { json, scale };
        traps.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            double factor = Math.Clamp(parsed.GetValue(scale), 0.001, 1000);
            WarmUp(rounds => Measure(factor, rounds));
            List<BenchFigure> figures = Measure(factor, Rounds);
            if (parsed.GetValue(json))
            {
                WriteJson(output, figures);
            }
            else
            {
                WriteTable(output, figures);
            }

            return ExitCodes.Success;
        });
        return new Command("bench", "Measures what comes with the program.") { traps };
    }

    /// <summary>
    /// All of it for nothing, for a second at least. What .NET compiles first it compiles badly, and it takes some hundred milliseconds, in
    /// which nothing new is called, to find out what deserves better: Guests live for minutes, and never notice, but a row here is over by then.
    /// </summary>
    /// <param name="measure">Everything that will be measured, in so many rounds.</param>
    public static void WarmUp(Action<uint> measure)
    {
        const uint Fewer = Rounds / 4;
        long started = Stopwatch.GetTimestamp();
        do
        {
            measure(Fewer);
        }
        while (Stopwatch.GetElapsedTime(started) < s_warmUp);
    }

    /// <summary>All rows, both engines, both paths.</summary>
    /// <param name="scale">Factor on the iterations.</param>
    /// <param name="rounds">Of each; the fastest counts.</param>
    public static List<BenchFigure> Measure(double scale, uint rounds)
    {
        var figures = new List<BenchFigure>();
        foreach ((BenchKind kind, _, _, uint iterations) in Rows)
        {
            foreach (EngineKind engine in new[] { EngineKind.Interpreter, EngineKind.Jit })
            {
                foreach (TrapPath path in new[] { TrapPath.Direct, TrapPath.Switcher })
                {
                    figures.Add(BenchRun.Measure(kind, engine, path, (uint)Math.Max(2, iterations * scale), rounds));
                }
            }
        }

        return figures;
    }

    /// <summary>The table that a person reads.</summary>
    public static void WriteTable(TextWriter output, IReadOnlyList<BenchFigure> figures)
    {
        output.WriteLine($"{"ns each",-34}{"interpreter",22}{"jit",22}{"Guest",14}");
        output.WriteLine($"{"",-34}{"direct",11}{"switcher",11}{"direct",11}{"switcher",11}{"instructions",14}");
        foreach ((BenchKind kind, _, string text, _) in Rows)
        {
            List<BenchFigure> row = [.. figures.Where(f => f.Kind == kind)];
            Line(output, kind == BenchKind.TimerLatency ? $"{text}, p50" : text, row, static f => f.Nanoseconds, row[0].Instructions);
            if (row[0].Nanoseconds99 != null)
            {
                Line(output, $"{text}, p99", row, static f => f.Nanoseconds99 ?? 0, 0);
            }
        }
    }

    /// <summary>The same for a program.</summary>
    public static void WriteJson(TextWriter output, IReadOnlyList<BenchFigure> figures)
    {
        var document = new
        {
            schema = 1,
            command = "bench traps",
            unit = "ns",
            figures = figures.Select(static f => new
            {
                name = Rows.First(r => r.Kind == f.Kind).Name,
                engine = f.Engine == EngineKind.Jit ? "jit" : "interpreter",
                traps = f.Traps == TrapPath.Direct ? "direct" : "switcher",
                ns = Math.Round(f.Nanoseconds, 2),
                ns99 = f.Nanoseconds99,
                instructions = Math.Round(f.Instructions, 2),
            }),
        };
        output.WriteLine(JsonSerializer.Serialize(document, s_indented));
    }

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private static void Line(TextWriter output, string text, List<BenchFigure> row, Func<BenchFigure, double> value, double instructions)
    {
        output.Write($"{text,-34}");
        foreach (BenchFigure figure in row)
        {
            output.Write(string.Create(CultureInfo.InvariantCulture, $"{value(figure),11:F1}"));
        }

        output.WriteLine(instructions > 0 ? string.Create(CultureInfo.InvariantCulture, $"{instructions,14:F1}") : "");
    }
}
