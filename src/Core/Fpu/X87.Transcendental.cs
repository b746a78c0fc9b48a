namespace Lguest.Jit.Core.Fpu;

/// <summary>F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS.</summary>
internal static partial class X87
{
    public static void F2xm1(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fyl2x(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fyl2xp1(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fptan(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fpatan(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fsin(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fcos(ref FpuState f) => _ = ReadsTop(ref f);
    public static void Fsincos(ref FpuState f) => _ = ReadsTop(ref f);
}
