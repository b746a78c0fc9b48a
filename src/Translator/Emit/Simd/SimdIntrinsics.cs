using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>
/// The runtime's own intrinsics, for IL that names them itself: RyuJIT has a budget for what it inlines, and a method of ours that it does not inline any
/// more returns its vector by way of memory, which it then keeps there for good.
/// </summary>
internal static class SimdIntrinsics
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Public;

    private static readonly MethodInfo s_createDouble = typeof(Vector128).GetMethod(nameof(Vector128.CreateScalar), [typeof(double)])!;
    private static readonly MethodInfo s_createWord = typeof(Vector128).GetMethod(nameof(Vector128.CreateScalar), [typeof(uint)])!;
    private static readonly MethodInfo s_all64 = typeof(Vector128).GetMethod(nameof(Vector128.Create), [typeof(ulong)])!;
    private static readonly MethodInfo s_all32 = typeof(Vector128).GetMethod(nameof(Vector128.Create), [typeof(uint)])!;

    /// <summary>Has the Host what this needs?</summary>
    public static bool AreThere => Sse2.X64.IsSupported;

    /// <summary>Vector of bytes → vector of <typeparamref name="T"/>.</summary>
    public static void As<T>(ILGenerator il) => il.Emit(OpCodes.Call, Generic($"As{typeof(T).Name}", typeof(byte)));

    /// <summary>Vector of <typeparamref name="T"/> → vector of bytes.</summary>
    public static void ToBytes<T>(ILGenerator il) => il.Emit(OpCodes.Call, Generic(nameof(Vector128.AsByte), typeof(T)));

    /// <summary>Vector of <typeparamref name="T"/> → its lowest lane.</summary>
    public static void ToScalar<T>(ILGenerator il) => il.Emit(OpCodes.Call, Generic(nameof(Vector128.ToScalar), typeof(T)));

    /// <summary>Address → vector of bytes, zeros above.</summary>
    public static void Load(ILGenerator il, int size)
    {
        switch (size)
        {
            case 16:
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Ldobj, typeof(Vector128<byte>));
                break;
            case 8:
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Ldind_R8);
                il.Emit(OpCodes.Call, s_createDouble);
                ToBytes<double>(il);
                break;
            case 4:
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Ldind_U4);
                il.Emit(OpCodes.Call, s_createWord);
                ToBytes<uint>(il);
                break;
            default:
                il.Emit(OpCodes.Call, SimdMethods.LoadWord);
                break;
        }
    }

    /// <summary>Address, vector of bytes → nothing.</summary>
    public static void Store(ILGenerator il, int size)
    {
        switch (size)
        {
            case 16:
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Stobj, typeof(Vector128<byte>));
                break;
            case 8:
                As<double>(il);
                ToScalar<double>(il);
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Stind_R8);
                break;
            default:
                As<uint>(il);
                ToScalar<uint>(il);
                il.Emit(OpCodes.Unaligned, (byte)1);
                il.Emit(OpCodes.Stind_I4);
                break;
        }
    }

    /// <summary>ADDSD and its kin: two vectors of its type → one. Scalar square roots take the upper lanes from the first.</summary>
    public static MethodInfo Arithmetic(Mnemonic mnemonic)
    {
        string name = mnemonic.ToString();
        string operation = name[..^2] switch { "Add" => "Add", "Sub" => "Subtract", "Mul" => "Multiply", "Div" => "Divide", _ => "Sqrt" };
        bool scalar = name[^2] == 's';
        bool isDouble = name[^1] == 'd';
        Type vector = isDouble ? typeof(Vector128<double>) : typeof(Vector128<float>);
        Type[] parameters = operation == "Sqrt" && !scalar ? [vector] : [vector, vector];
        return (isDouble ? typeof(Sse2) : typeof(Sse)).GetMethod(scalar ? $"{operation}Scalar" : operation, Any, parameters)
            ?? throw new MissingMethodException(operation);
    }

    /// <summary>Vector of bytes → is there a lane whose number is not normal, or close to not being it?</summary>
    public static void AnyUnusual(ILGenerator il, bool isDouble)
    {
        // (exponent + 1) & ~3 is 0 for the exponents 0, 1, 2 and the one of all ones.
        if (isDouble)
        {
            As<ulong>(il);
            il.Emit(OpCodes.Ldc_I4, SimdArithmetic.DoubleShift);
            il.Emit(OpCodes.Call, typeof(Vector128).GetMethod(nameof(Vector128.ShiftRightLogical), [typeof(Vector128<ulong>), typeof(int)])!);
            il.Emit(OpCodes.Ldc_I8, 1L);
            il.Emit(OpCodes.Call, s_all64);
            il.Emit(OpCodes.Call, Generic(nameof(Vector128.Add), typeof(ulong)));
            il.Emit(OpCodes.Ldc_I8, (long)SimdArithmetic.DoubleExponents);
            il.Emit(OpCodes.Call, s_all64);
        }
        else
        {
            As<uint>(il);
            il.Emit(OpCodes.Ldc_I4, SimdArithmetic.SingleShift);
            il.Emit(OpCodes.Call, typeof(Vector128).GetMethod(nameof(Vector128.ShiftRightLogical), [typeof(Vector128<uint>), typeof(int)])!);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Call, s_all32);
            il.Emit(OpCodes.Call, Generic(nameof(Vector128.Add), typeof(uint)));
            il.Emit(OpCodes.Ldc_I4, SimdArithmetic.SingleExponents);
            il.Emit(OpCodes.Call, s_all32);
        }

        Type lane = isDouble ? typeof(ulong) : typeof(uint);
        il.Emit(OpCodes.Call, Generic(nameof(Vector128.BitwiseAnd), lane));
        il.Emit(OpCodes.Call, (isDouble ? typeof(Vector128<ulong>) : typeof(Vector128<uint>)).GetProperty(nameof(Vector128<byte>.Zero))!.GetMethod!);
        il.Emit(OpCodes.Call, Generic(nameof(Vector128.EqualsAny), lane));
    }

    /// <summary>A method of <see cref="Vector128"/> that has one type parameter.</summary>
    private static MethodInfo Generic(string name, Type lane) => Array.Find(
        typeof(Vector128).GetMethods(Any), method => method.Name == name && method.IsGenericMethodDefinition && method.GetGenericArguments().Length == 1)
        !.MakeGenericMethod(lane);
}
