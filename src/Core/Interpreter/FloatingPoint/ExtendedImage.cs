using System.Buffers.Binary;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

/// <summary>The 512 bytes of FXSAVE and FXRSTOR (SDM vol. 1 table 10-2).</summary>
internal static unsafe class ExtendedImage
{
    /// <summary>The architectural image, for the segment's limit.</summary>
    public const int Size = 512;

    /// <summary>Up to the end of XMM7; what follows is reserved or software's own.</summary>
    public const int Used = 288;

    /// <summary>Where MXCSR stands; the mask of its bits follows.</summary>
    private const int MxcsrOffset = 24;

    private const int XmmOffset = 160;

    private const int XmmBytes = 8 * SimdState.Stride;

    /// <summary>#NM, the segment, and #GP(0) unless 16-byte aligned.</summary>
    public static bool Locate(GuestCpu* cpu, Op* op, bool write, out uint linear)
    {
        linear = 0;
        if (cpu->Ts != 0)
        {
            return Fault.Raise(cpu, Vectors.DeviceNotAvailable);
        }

        return Access.Linear(cpu, op->Segment, AddressGeneral.Offset(cpu, op), Size, write, out linear)
            && ((linear & 15) == 0 || Fault.GeneralProtection(cpu));
    }

    /// <summary>Where the Host has an image that lies in one page, as they mostly do; null: it does not, or the page has to be looked for first.</summary>
    /// <param name="table"><see cref="GuestCpu.ReadTable"/> or <see cref="GuestCpu.WriteTable"/>.</param>
    /// <param name="linear">Where the Guest has it.</param>
    public static byte* Here(ulong* table, uint linear)
    {
        ulong entry = table[linear >> 12];
        return entry == 0 || (linear & 0xFFF) > 0x1000 - Size ? null : (byte*)(entry + linear);
    }

    /// <summary>Fills the used part.</summary>
    public static void Save(GuestCpu* cpu, Span<byte> image)
    {
        X87.Fxsave(ref cpu->Fpu, image);
        BinaryPrimitives.WriteUInt32LittleEndian(image[MxcsrOffset..], cpu->Simd.Mxcsr);
        BinaryPrimitives.WriteUInt32LittleEndian(image[(MxcsrOffset + 4)..], Mxcsr.Writable);
        new ReadOnlySpan<byte>(cpu->Simd.Xmm, XmmBytes).CopyTo(image[XmmOffset..]);
    }

    /// <summary>False, with #GP(0): MXCSR has bits that do not exist, and nothing has changed.</summary>
    public static bool Restore(GuestCpu* cpu, ReadOnlySpan<byte> image)
    {
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(image[MxcsrOffset..]);
        if ((mxcsr & ~Mxcsr.Writable) != 0)
        {
            return Fault.GeneralProtection(cpu);
        }

        X87.Fxrstor(ref cpu->Fpu, image);
        cpu->Simd.Mxcsr = mxcsr;
        image.Slice(XmmOffset, XmmBytes).CopyTo(new Span<byte>(cpu->Simd.Xmm, XmmBytes));
        return true;
    }
}

/// <summary>FXSAVE.</summary>
internal readonly unsafe struct SaveExtended : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!ExtendedImage.Locate(cpu, op, write: true, out uint linear))
        {
            return false;
        }

        byte* here = ExtendedImage.Here(cpu->WriteTable, linear);
        if (here == null)
        {
            return Elsewhere(cpu, linear);
        }

        ExtendedImage.Save(cpu, new Span<byte>(here, ExtendedImage.Used));
        return true;
    }

    private static bool Elsewhere(GuestCpu* cpu, uint linear)
    {
        if (!ColdAccess.ProbeWrite(cpu, linear, ExtendedImage.Size))
        {
            return false;
        }

        Span<byte> image = stackalloc byte[ExtendedImage.Used];
        ExtendedImage.Save(cpu, image);
        return ColdAccess.WriteBytes(cpu, linear, image);
    }
}

/// <summary>FXRSTOR.</summary>
internal readonly unsafe struct RestoreExtended : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!ExtendedImage.Locate(cpu, op, write: false, out uint linear))
        {
            return false;
        }

        byte* here = ExtendedImage.Here(cpu->ReadTable, linear);
        return here == null ? Elsewhere(cpu, linear) : ExtendedImage.Restore(cpu, new ReadOnlySpan<byte>(here, ExtendedImage.Used));
    }

    private static bool Elsewhere(GuestCpu* cpu, uint linear)
    {
        Span<byte> image = stackalloc byte[ExtendedImage.Used];
        return ColdAccess.ReadBytes(cpu, linear, image) && ExtendedImage.Restore(cpu, image);
    }
}
