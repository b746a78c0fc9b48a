extern alias launcher;
using System.ComponentModel;
using System.Diagnostics;
using launcher::Lguest.Jit.Launcher.Bench;
using Lguest.Jit.Guests.Harness;

namespace Lguest.Jit.Perf.Traps;

/// <summary>The benchmark Guest on a bare PC of QEMU's translator; what it says on its debug console has been timed by itself.</summary>
internal sealed class QemuTraps : IDisposable
{
    /// <summary>isa-debug-exit: what the Guest wrote (0), doubled, plus 1.</summary>
    private const int GoodExitCode = 1;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly string _path;
    private readonly DirectoryInfo _images = Directory.CreateTempSubdirectory("lguest-jit-traps-");

    private QemuTraps(string path, string version)
    {
        _path = path;
        Version = version;
    }

    /// <summary>What it says of itself.</summary>
    public string Version { get; }

    /// <summary>The QEMU at this path, or by this name in PATH; null if there is none that runs.</summary>
    public static QemuTraps? Find(string path)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(path, "--version") { RedirectStandardOutput = true })!;
            string version = process.StandardOutput.ReadLine() ?? "";
            _ = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? new QemuTraps(path, version) : null;
        }
        catch (Win32Exception)
        {
            // Not found, or not executable: nobody to compare with.
            return null;
        }
    }

    /// <summary>The fastest round.</summary>
    /// <param name="kind">What; has to exist on a bare PC (<see cref="BenchGuest.RunsOn"/>).</param>
    /// <param name="iterations">In a round.</param>
    /// <param name="rounds">The first ones warm up.</param>
    /// <returns>Nanoseconds of one.</returns>
    /// <exception cref="InvalidOperationException">It took too long, died, or did not say what it should.</exception>
    public double Measure(BenchKind kind, uint iterations, uint rounds)
    {
        string image = Path.Combine(_images.FullName, $"{kind}.elf");
        File.WriteAllBytes(image, ElfFile.Write(BenchGuest.Build(BenchPlatform.Multiboot, kind, iterations, rounds)));
        string[] arguments =
        [
            "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none", "-no-reboot",
            "-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", image,
        ];
        using Process process = Process.Start(new ProcessStartInfo(_path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException($"{_path} was not started");
        using var deadline = new Timer(static p => ((Process)p!).Kill(), process, s_limit, Timeout.InfiniteTimeSpan);
        StampReader times = ReadRounds(process.StandardOutput.BaseStream);
        process.WaitForExit();
        if (process.ExitCode != GoodExitCode || times.Count != rounds)
        {
            throw new InvalidOperationException($"QEMU ended {kind} with exit code {process.ExitCode} after {times.Count} of {rounds} rounds");
        }

        return times.Fastest() / BenchGuest.Rounded(kind, iterations);
    }

    public void Dispose() => _images.Delete(recursive: true);

    private static StampReader ReadRounds(Stream stream)
    {
        var reader = new StampReader();
        byte[] buffer = new byte[64];
        long started = Stopwatch.GetTimestamp();
        int count;
        while ((count = stream.Read(buffer)) != 0)
        {
            reader.Read(buffer.AsSpan(0, count), Stopwatch.GetElapsedTime(started));
        }

        return reader;
    }
}
