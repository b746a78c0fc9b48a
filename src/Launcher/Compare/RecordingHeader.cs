using System.Buffers.Binary;
using System.Security.Cryptography;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>What a recording is of. Two recordings with equal headers are of runs that have to be equal.</summary>
internal sealed record RecordingHeader
{
    /// <summary>Of the file, and of every JSON that we write.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>
    /// What a Guest can see of us, as a number: to be raised when that changes on purpose, so that nobody looks for a bug there.
    /// It says nothing about engines.
    /// </summary>
    public int Semantics { get; init; } = 2;

    /// <summary>
    /// How the state that is ours (of devices, of lguest) is laid out, as a number: to be raised when that changes. A recording with another
    /// one is compared without it.
    /// </summary>
    public int StateLayout { get; init; } = 3;

    /// <summary>SHA-256 of what CPUID says.</summary>
    public string CpuTable { get; init; } = "";

    /// <summary>
    /// What floating point is equal to: "soft" is the same everywhere. x87 thunks (<c>--fp native</c>) come to the bits of the soft-float and
    /// change nothing here.
    /// </summary>
    public string FloatingPoint { get; init; } = "soft";

    public uint Memory { get; init; }

    public uint Khz { get; init; }

    public ulong Seed { get; init; }

    public int SyscallVector { get; init; }

    /// <summary>There is an entropy device.</summary>
    public bool Rng { get; init; }

    public string Append { get; init; } = "";

    /// <summary>SHA-256 of the files; empty where there is none.</summary>
    public string Kernel { get; init; } = "";

    public string Initrd { get; init; } = "";

    public string Input { get; init; } = "";

    /// <summary>SHA-256 of what was on the disks; empty where there are none.</summary>
    public string Disks { get; init; } = "";

    /// <summary>Instructions between two checkpoints.</summary>
    public long Every { get; init; }

    /// <summary>The engine that recorded; for people.</summary>
    public string Engine { get; init; } = "";

    /// <param name="options">What is run.</param>
    /// <param name="disks">Hash of its disks.</param>
    /// <exception cref="LoadException">A file cannot be read.</exception>
    public static RecordingHeader Of(LaunchOptions options, string disks) => new()
    {
        CpuTable = HashCpuTable(options.Sysenter),
        Memory = options.Memory,
        Khz = options.Khz,
        Seed = options.Seed,
        SyscallVector = options.SyscallVector,
        Rng = options.Rng,
        Append = options.Append,
        Kernel = HashFile(options.Kernel),
        Initrd = HashFile(options.Initrd),
        Input = HashFile(options.Input),
        Disks = disks,
        Every = options.Every,
        Engine = options.Engine == EngineKind.Jit ? "jit" : "interpreter",
    };

    /// <summary>Why a run with this header cannot be held to one with the other; null: it can.</summary>
    public string? Unlike(RecordingHeader other)
    {
        (string Name, object Mine, object Theirs)[] parts =
        [
            ("file format", Schema, other.Schema),
            ("semantics", Semantics, other.Semantics),
            ("CPUID table", CpuTable, other.CpuTable),
            ("floating point", FloatingPoint, other.FloatingPoint),
            ("memory size", Memory, other.Memory),
            ("rate", Khz, other.Khz),
            ("seed", Seed, other.Seed),
            ("syscall vector", SyscallVector, other.SyscallVector),
            ("choice of devices", Rng, other.Rng),
            ("kernel command line", Append, other.Append),
            ("kernel", Kernel, other.Kernel),
            ("initrd", Initrd, other.Initrd),
            ("input script", Input, other.Input),
            ("set of disks", Disks, other.Disks),
        ];
        foreach ((string name, object mine, object theirs) in parts)
        {
            if (!mine.Equals(theirs))
            {
                return $"another {name} was recorded";
            }
        }

        return null;
    }

    private static string HashCpuTable(bool sysenter)
    {
        using var table = new MemoryStream();
        Span<byte> word = stackalloc byte[4];
        foreach (uint leaf in new uint[] { 0, 1, 2, 3, 0x80000000, 0x80000001 })
        {
            CpuIdLeaf values = CpuIdTable.Leaf(leaf, sysenter);
            foreach (uint value in new[] { leaf, values.Eax, values.Ebx, values.Ecx, values.Edx })
            {
                BinaryPrimitives.WriteUInt32LittleEndian(word, value);
                table.Write(word);
            }
        }

        return Convert.ToHexStringLower(SHA256.HashData(table.ToArray()));
    }

    private static string HashFile(string? path)
    {
        if (path is null)
        {
            return "";
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new LoadException($"{path}: {e.Message}");
        }
    }
}
