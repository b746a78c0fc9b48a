using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lguest.Jit.Core.Simd;

/// <summary>
/// What SSE adds to a CPU (SDM vol. 1 §10.2): eight registers of 16 bytes, and MXCSR. The MMX registers need no place of
/// their own: they are the significands of the x87 unit's.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimdState
{
    /// <summary>Bytes from one register to the next, here and in <see cref="Fpu.F80Registers"/>.</summary>
    public const int Stride = 16;

    /// <summary>XMM0..XMM7, low half first.</summary>
    public fixed ulong Xmm[16];

    /// <summary>See <see cref="Simd.Mxcsr"/>; its reserved bits are always 0.</summary>
    public uint Mxcsr;

    private uint _reserved;

    /// <summary>As after reset (SDM vol. 3 table 9-1).</summary>
    public void Initialise()
    {
        this = default;
        Mxcsr = Simd.Mxcsr.Initial;
    }

    /// <summary>XMM<paramref name="number"/>, 0..7.</summary>
    public Vector128<byte> this[int number]
    {
        get
        {
            fixed (ulong* xmm = Xmm)
            {
                return Vector128.Load((byte*)(xmm + 2 * number));
            }
        }

        set
        {
            fixed (ulong* xmm = Xmm)
            {
                value.Store((byte*)(xmm + 2 * number));
            }
        }
    }
}
