using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Programs.FloatingPoint;

namespace Lguest.Jit.Guests.Programs;

/// <summary>All benchmark programs, in the order of tables.</summary>
internal static class GuestPrograms
{
    public static IReadOnlyList<GuestProgram> All { get; } =
    [
        new IntegerSort(),
        new Sieve(),
        new Crc32(),
        new Sha256(),
        new MatrixMultiply(),
        new BytecodeLoop(),
        new MemoryLoop(),
        new MemoryRep(),
        new PointerChase(),
        new StringSearch(),
        new Recursion(),
        new VirtualCalls(),
        new WideArithmetic(),
        new NBodyX87(),
        new MandelbrotX87(),
        new SpectralNormX87(),
        new FftX87(),

        // Where the virtual CPU has what they need.
        .. HasSse2 ? [new NBodySse2(), new MandelbrotSse2(), new SpectralNormSse2(), new FftSse2()] : Array.Empty<GuestProgram>(),
    ];

    private static bool HasSse2 => (CpuIdTable.Leaf(1).Edx & (1 << 26)) != 0;

    /// <summary>The program of this name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static GuestProgram Named(string name) =>
        All.FirstOrDefault(program => program.Name == name)
        ?? throw new ArgumentException($"There is no program \"{name}\"; there are: {string.Join(", ", All.Select(static p => p.Name))}.", nameof(name));
}
