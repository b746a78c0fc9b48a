using System.Diagnostics;
using System.Text;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>One process with one Guest in it, and a stopwatch on its console. Never outlives the call that started it.</summary>
internal static class GuestProcess
{
    private const int Rounds = 2;

    /// <summary>
    /// Runs a program: a first round that warms up (translation included), a second one that counts. A round is from the arrival
    /// of the line "run" to that of the line with the result; the start of emulator and firmware is outside.
    /// </summary>
    /// <param name="contender">Where.</param>
    /// <param name="program">What.</param>
    /// <param name="iterations">How often the program repeats itself in a round.</param>
    /// <param name="limit">How long the process may take altogether.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <exception cref="ContenderException">It took too long, died, or came to a wrong result.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Sample Run(Contender contender, GuestProgram program, int iterations, TimeSpan limit, CancellationToken cancellation)
    {
        ProcessStartInfo start = contender.Command(program, iterations, Rounds);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start) ?? throw new ContenderException($"{start.FileName} was not started");
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(limit);

            // Killing closes the pipe, and that ends the reading below, wherever it is.
            using CancellationTokenRegistration kill = deadline.Token.Register(() => Kill(process));
            var complaints = new StringBuilder();
            process.ErrorDataReceived += (_, line) => complaints.AppendLine(line.Data);
            process.BeginErrorReadLine();
            List<Line> lines = ReadLines(process);
            process.WaitForExit();
            cancellation.ThrowIfCancellationRequested();
            if (deadline.IsCancellationRequested)
            {
                throw new ContenderException($"no end within {limit.TotalSeconds:0} s");
            }

            return process.ExitCode == contender.GoodExitCode
                ? Judge(lines, program.Checksum(iterations))
                : throw new ContenderException($"exit code {process.ExitCode}: {complaints.ToString().Trim()}");
        }
        finally
        {
            Kill(process);
            process.WaitForExit();
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself in the meantime.
        }
    }

    private static List<Line> ReadLines(Process process)
    {
        Stream stream = process.StandardOutput.BaseStream;
        var lines = new List<Line>();
        var text = new StringBuilder();
        Span<byte> buffer = stackalloc byte[256];
        while (true)
        {
            int count = stream.Read(buffer);
            long now = Stopwatch.GetTimestamp();
            if (count == 0)
            {
                return lines;
            }

            foreach (byte character in buffer[..count])
            {
                if (character == '\n')
                {
                    lines.Add(new Line(text.ToString(), now, ProcessorTime.Read(process.Id)));
                    text.Clear();
                }
                else
                {
                    text.Append((char)character);
                }
            }
        }
    }

    private static Sample Judge(List<Line> lines, uint expected)
    {
        string right = $"{expected:x8}";
        if (lines.Count < 2 * Rounds)
        {
            throw new ContenderException($"printed {lines.Count} lines instead of {2 * Rounds}");
        }

        double[] seconds = new double[Rounds];
        double?[] processor = new double?[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            Line begin = lines[2 * round];
            Line end = lines[2 * round + 1];
            if (begin.Text != "run" || end.Text != right)
            {
                throw new ContenderException($"WRONG RESULT in round {round + 1}: \"{end.Text}\" instead of {right}");
            }

            seconds[round] = Stopwatch.GetElapsedTime(begin.Arrived, end.Arrived).TotalSeconds;
            processor[round] = begin.Processor is null ? null : end.Processor?.Since(begin.Processor);
        }

        string last = lines[^1].Text;
        long? instructions = last.StartsWith(GuestCommand.InstructionsPrefix, StringComparison.Ordinal) ? long.Parse(last.Split(' ')[^1]) : null;
        return new Sample(seconds[0], seconds[1], processor[1], instructions);
    }

    private readonly record struct Line(string Text, long Arrived, ProcessorTime? Processor);
}
