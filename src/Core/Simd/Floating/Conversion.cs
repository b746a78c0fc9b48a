using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Simd.Floating;

/// <summary>Lanes converted, and what becomes of the destination's others.</summary>
internal interface IConversionShape
{
    static abstract int Lanes { get; }

    /// <summary>Those not written stay; else they become 0.</summary>
    static abstract bool KeepsOthers { get; }
}

/// <summary>CVTSI2SD, CVTSS2SD …</summary>
internal readonly struct OneLane : IConversionShape
{
    public static int Lanes => 1;

    public static bool KeepsOthers => true;
}

/// <summary>CVTPD2PS, CVTDQ2PD, CVTPS2PI …</summary>
internal readonly struct TwoLanes : IConversionShape
{
    public static int Lanes => 2;

    public static bool KeepsOthers => false;
}

/// <summary>CVTPI2PS.</summary>
internal readonly struct TwoLowLanes : IConversionShape
{
    public static int Lanes => 2;

    public static bool KeepsOthers => true;
}

/// <summary>CVTDQ2PS, CVTPS2DQ.</summary>
internal readonly struct FourLanes : IConversionShape
{
    public static int Lanes => 4;

    public static bool KeepsOthers => false;
}

/// <summary>A conversion instruction.</summary>
internal readonly struct Conversion<TLane, TShape> : IFloatOperation
    where TLane : struct, ILaneConversion
    where TShape : struct, IConversionShape
{
    public static bool Apply(ref uint mxcsr, Vector destination, Vector source, byte immediate, out Vector result)
    {
        var context = new FloatContext(mxcsr);
        result = TShape.KeepsOthers ? destination : default;
        for (int i = 0; i < TShape.Lanes; i++)
        {
            result = FloatLanes.Set(result, TLane.To, i, TLane.Convert(FloatLanes.Get(source, TLane.From, i), ref context));
        }

        return context.Accept(ref mxcsr);
    }
}
