using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// FNSTENV, FLDENV, FNSAVE, FRSTOR in the protected-mode formats (SDM vol. 1 figures 8-9 and 8-11), and the x87 part
/// of FXSAVE and FXRSTOR (SDM vol. 1 table 10-2). lguest Guests know neither real nor virtual-8086 mode.
/// </summary>
internal static partial class X87
{
    /// <summary>Bytes of a 32-bit environment; 14 make a 16-bit one.</summary>
    public const int Environment32 = 28;

    /// <inheritdoc cref="Environment32"/>
    public const int Environment16 = 14;

    /// <summary>Bytes that the eight registers take behind the environment.</summary>
    private const int RegisterBytes = 80;

    /// <summary>FNSTENV. All exceptions are masked afterwards.</summary>
    /// <param name="image">28 bytes, or 14 for operand size 16: the length selects the format.</param>
    public static void Fnstenv(ref FpuState f, Span<byte> image)
    {
        WriteEnvironment(f, image, image.Length == Environment32);
        f.ControlWord |= (ushort)FpuExceptions.Maskable;
        UpdateErrorSummary(ref f);
    }

    /// <summary>FLDENV. What it unmasks is pending at once.</summary>
    /// <param name="image">28 or 14 bytes.</param>
    public static void Fldenv(ref FpuState f, ReadOnlySpan<byte> image) => ReadEnvironment(ref f, image, image.Length == Environment32);

    /// <summary>FNSAVE: environment and registers ST(0)..ST(7), then FNINIT.</summary>
    /// <param name="image">108 or 94 bytes.</param>
    public static void Fnsave(ref FpuState f, Span<byte> image)
    {
        int environment = image.Length - RegisterBytes;
        WriteEnvironment(f, image, environment == Environment32);
        for (int index = 0; index < 8; index++)
            WriteF80(image[(environment + index * 10)..], St(ref f, index));
        Fninit(ref f);
    }

    /// <summary>FRSTOR.</summary>
    /// <param name="image">108 or 94 bytes.</param>
    public static void Frstor(ref FpuState f, ReadOnlySpan<byte> image)
    {
        int environment = image.Length - RegisterBytes;
        ReadEnvironment(ref f, image, environment == Environment32);
        for (int index = 0; index < 8; index++)
            St(ref f, index) = ReadF80(image[(environment + index * 10)..]);
    }

    /// <summary>FXSAVE's x87 part: bytes 0..23 and 32..159. MXCSR and XMM are the caller's. Does not initialize.</summary>
    /// <param name="image">The 512-byte image, or its first 160 bytes.</param>
    public static void Fxsave(ref FpuState f, Span<byte> image)
    {
        image[..24].Clear();
        Put16(image, 0, f.ControlWord);
        Put16(image, 2, f.StatusWord);
        image[4] = f.Tags;
        Put16(image, 6, f.LastOpcode);
        Put32(image, 8, f.InstructionOffset);
        Put16(image, 12, f.InstructionSelector);
        Put32(image, 16, f.DataOffset);
        Put16(image, 20, f.DataSelector);

        ref byte first = ref MemoryMarshal.GetReference(image.Slice(32, 128));
        int top = f.Top;
        for (int index = 0; index < 8; index++)
        {
            TenBytes(ref RegisterAt(ref f, top + index)).StoreUnsafe(ref first, (nuint)index * 16);
        }
    }

    /// <summary>FXRSTOR's x87 part.</summary>
    /// <param name="image">The 512-byte image, or its first 160 bytes.</param>
    public static void Fxrstor(ref FpuState f, ReadOnlySpan<byte> image)
    {
        f.ControlWord = (ushort)(Get16(image, 0) & FpuControl.Writable | FpuControl.AlwaysSet);
        f.StatusWord = Get16(image, 2);
        f.Tags = image[4];
        f.LastOpcode = (ushort)(Get16(image, 6) & 0x7FF);
        f.InstructionOffset = Get32(image, 8);
        f.InstructionSelector = Get16(image, 12);
        f.DataOffset = Get32(image, 16);
        f.DataSelector = Get16(image, 20);
        ref byte first = ref MemoryMarshal.GetReference(image.Slice(32, 128));
        int top = f.Top;
        for (int index = 0; index < 8; index++)
        {
            TenBytes(ref Unsafe.Add(ref first, index * 16)).StoreUnsafe(ref RegisterAt(ref f, top + index));
        }

        UpdateErrorSummary(ref f);
    }

    /// <summary>An 80-bit number as ten little-endian bytes.</summary>
    public static F80 ReadF80(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]));

    /// <inheritdoc cref="ReadF80"/>
    public static void WriteF80(Span<byte> bytes, F80 value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value.Significand);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], value.SignExponent);
    }

    /// <summary>The physical register with this number, modulo 8, as the sixteen bytes that it takes.</summary>
    private static ref byte RegisterAt(ref FpuState f, int physical) =>
        ref Unsafe.As<F80, byte>(ref Unsafe.Add(ref Unsafe.As<F80Registers, F80>(ref f.Registers), physical & 7));

    /// <summary>The first ten of sixteen bytes that are there; the rest is 0.</summary>
    private static Vector128<byte> TenBytes(ref byte bytes) => Vector128.LoadUnsafe(ref bytes) & Vector128.Create(ulong.MaxValue, 0xFFFF).AsByte();

    private static void WriteEnvironment(in FpuState f, Span<byte> image, bool wide)
    {
        if (!wide)
        {
            Put16(image, 0, f.ControlWord);
            Put16(image, 2, f.StatusWord);
            Put16(image, 4, f.TagWord);
            Put16(image, 6, (ushort)f.InstructionOffset);
            Put16(image, 8, f.InstructionSelector);
            Put16(image, 10, (ushort)f.DataOffset);
            Put16(image, 12, f.DataSelector);
            return;
        }

        // The unused halves read as ones on everything since the 486.
        Put32(image, 0, 0xFFFF_0000u | f.ControlWord);
        Put32(image, 4, 0xFFFF_0000u | f.StatusWord);
        Put32(image, 8, 0xFFFF_0000u | f.TagWord);
        Put32(image, 12, f.InstructionOffset);
        Put32(image, 16, (uint)f.LastOpcode << 16 | f.InstructionSelector);
        Put32(image, 20, f.DataOffset);
        Put32(image, 24, 0xFFFF_0000u | f.DataSelector);
    }

    private static void ReadEnvironment(ref FpuState f, ReadOnlySpan<byte> image, bool wide)
    {
        int step = wide ? 4 : 2;
        f.ControlWord = (ushort)(Get16(image, 0) & FpuControl.Writable | FpuControl.AlwaysSet);
        f.StatusWord = Get16(image, step);
        f.TagWord = Get16(image, 2 * step);
        f.InstructionOffset = wide ? Get32(image, 12) : Get16(image, 6);
        f.InstructionSelector = Get16(image, 4 * step);
        f.LastOpcode = (ushort)(wide ? Get16(image, 18) & 0x7FF : 0);
        f.DataOffset = wide ? Get32(image, 20) : Get16(image, 10);
        f.DataSelector = Get16(image, 6 * step);
        UpdateErrorSummary(ref f);
    }

    private static ushort Get16(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);

    private static uint Get32(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);

    private static void Put16(Span<byte> image, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image[at..], value);

    private static void Put32(Span<byte> image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image[at..], value);
}
