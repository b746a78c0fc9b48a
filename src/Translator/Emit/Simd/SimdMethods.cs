using System.Reflection;
using System.Runtime.Intrinsics;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>What SIMD templates call, and where they find its state.</summary>
internal static unsafe class SimdMethods
{
    public static readonly int Xmm = Offset(static cpu => (byte*)cpu->Simd.Xmm);
    public static readonly int Mxcsr = Offset(static cpu => (byte*)&cpu->Simd.Mxcsr);
    public static readonly int Ts = Offset(static cpu => (byte*)&cpu->Ts);

    public static readonly MethodInfo FromGeneral = MethodNames.Find(typeof(VectorMemory), nameof(VectorMemory.FromGeneral));
    public static readonly MethodInfo ToGeneral = MethodNames.Find(typeof(VectorMemory), nameof(VectorMemory.ToGeneral));

    /// <summary>Address of a word → vector, zeros above.</summary>
    public static readonly MethodInfo LoadWord = MethodNames.Find(typeof(VectorMemory), nameof(VectorMemory.LoadWord));

    private delegate byte* FieldOf(GuestCpu* cpu);

    /// <summary>The operation without, or with, an immediate.</summary>
    public static MethodInfo Apply(Type operation, bool immediate) =>
        operation.GetMethod("Apply", immediate ? [typeof(Vector128<byte>), typeof(Vector128<byte>), typeof(byte)] : [typeof(Vector128<byte>), typeof(Vector128<byte>)])
        ?? throw new MissingMethodException(operation.Name, "Apply");

    /// <summary>A static property that is a number.</summary>
    public static uint Number(Type type, string property) =>
        (uint)(type.GetProperty(property) ?? throw new MissingMemberException(type.Name, property)).GetValue(null)!;

    private static int Offset(FieldOf field)
    {
        GuestCpu cpu;
        return (int)(field(&cpu) - (byte*)&cpu);
    }
}
