extern alias launcher;

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using launcher::Lguest.Jit.Launcher.Bench;
using launcher::Lguest.Jit.Launcher.CommandLine;

namespace Lguest.Jit.Perf.Traps;

/// <summary>
/// <c>versus-traps</c>: the same benchmark Guest here and on QEMU's translator, in one run, as ratios. In turns, row by row, so that
/// whatever else the machine does meets both.
/// </summary>
internal static class VersusTrapsCommand
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static Command Create()
    {
        var qemu = new Option<string>("--qemu") { Description = "QEMU for i386.", DefaultValueFactory = static _ => "qemu-system-i386" };
        var scale = new Option<double>("--scale") { Description = "Do everything so many times as often.", DefaultValueFactory = static _ => 1 };
        var json = new Option<bool>("--json") { Description = "Figures for a program to read." };
        var names = new Argument<string[]>("names") { Description = "Rows, by their names in the JSON; none: all.", Arity = ArgumentArity.ZeroOrMore };
        names.AcceptOnlyFromAmong([.. BenchCommand.Rows.Select(static r => r.Name)]);
        var command = new Command("versus-traps", "System calls, faults and context switches against QEMU's translator, same Guest code.") { names, qemu, scale, json };
        command.SetAction(parsed => Run(parsed.GetValue(names)!, parsed.GetValue(qemu)!, Math.Clamp(parsed.GetValue(scale), 0.001, 1000), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string[] names, string path, double scale, bool json)
    {
        using QemuTraps? qemu = QemuTraps.Find(path);
        if (qemu is null)
        {
            Console.Error.WriteLine($"There is no {path} here: install QEMU, or name it with --qemu.");
            return 2;
        }

        var rows = new List<Row>();
        List<(BenchKind Kind, string Name, string Text, uint Iterations)> wanted =
            [.. BenchCommand.Rows.Where(r => BenchGuest.RunsOn(BenchPlatform.Multiboot, r.Kind) && (names.Length == 0 || names.Contains(r.Name)))];
        BenchCommand.WarmUp(rounds =>
        {
            foreach ((BenchKind kind, _, _, uint iterations) in wanted)
            {
                _ = Ours(kind, EngineKind.Jit, Scaled(iterations, scale), rounds);
                _ = Ours(kind, EngineKind.Interpreter, Scaled(iterations, scale), rounds);
            }
        });
        foreach ((BenchKind kind, string name, string text, uint iterations) in wanted)
        {
            uint count = Scaled(iterations, scale);
            double theirs = qemu.Measure(kind, count, BenchCommand.Rounds);
            double jit = Ours(kind, EngineKind.Jit, count, BenchCommand.Rounds);
            double interpreter = Ours(kind, EngineKind.Interpreter, count, BenchCommand.Rounds);
            rows.Add(new Row(name, text, theirs, jit, interpreter));
        }

        if (json)
        {
            var document = new
            {
                schema = 1,
                command = "versus-traps",
                qemu = qemu.Version,
                unit = "ns",
                rows = rows.Select(static r => new { name = r.Name, qemu = r.Qemu, jit = r.Jit, interpreter = r.Interpreter, ratio = r.Qemu / r.Jit }),
            };
            Console.WriteLine(JsonSerializer.Serialize(document, s_indented));
        }
        else
        {
            Print(qemu.Version, rows);
        }

        return 0;
    }

    private static uint Scaled(uint iterations, double scale) => (uint)Math.Max(2, iterations * scale);

    private static double Ours(BenchKind kind, EngineKind engine, uint iterations, uint rounds) =>
        BenchRun.Measure(kind, engine, TrapPath.Direct, iterations, rounds).Nanoseconds;

    private static void Print(string version, List<Row> rows)
    {
        Console.WriteLine(version);
        Console.WriteLine($"{"ns each",-34}{"qemu",11}{"jit",11}{"interpreter",13}{"qemu : jit",13}");
        foreach (Row row in rows)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Text,-34}{row.Qemu,11:F1}{row.Jit,11:F1}{row.Interpreter,13:F1}{row.Qemu / row.Jit,13:F1}"));
        }
    }

    private sealed record Row(string Name, string Text, double Qemu, double Jit, double Interpreter);
}
