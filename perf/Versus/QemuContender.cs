using System.ComponentModel;
using System.Diagnostics;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>QEMU's translator, on a PC without any device that could want something in between.</summary>
internal sealed class QemuContender : Contender, IDisposable
{
    private readonly string _path;
    private readonly DirectoryInfo _images = Directory.CreateTempSubdirectory("lguest-jit-versus-");

    private QemuContender(string path, string version)
    {
        _path = path;
        Version = version;
    }

    /// <summary>What it says of itself.</summary>
    public string Version { get; }

    public override string Name => ContenderNames.Qemu;

    /// <summary>isa-debug-exit: what the Guest wrote (0), doubled, plus 1.</summary>
    public override int GoodExitCode => 1;

    /// <summary>The QEMU at this path, or by this name in PATH; null if there is none.</summary>
    public static QemuContender? Find(string path)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(path, "--version") { RedirectStandardOutput = true })!;
            string version = process.StandardOutput.ReadLine() ?? "";
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? new QemuContender(path, version) : null;
        }
        catch (Win32Exception)
        {
            // Not found, or not executable: both mean that there is nobody to compare with.
            return null;
        }
    }

    public override ProcessStartInfo Command(GuestProgram program, int iterations, int rounds)
    {
        string image = Path.Combine(_images.FullName, $"{program.Name}-{iterations}-{rounds}.elf");
        if (!File.Exists(image))
        {
            File.WriteAllBytes(image, ElfFile.Write(new MultibootHarness().Build(program, iterations, paging: true, rounds)));
        }

        string[] arguments =
        [
            "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none", "-no-reboot",
            "-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", image,
        ];
        return new ProcessStartInfo(_path, arguments);
    }

    public void Dispose() => _images.Delete(recursive: true);
}
