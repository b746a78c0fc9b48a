using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>x87 as Linux has it: each operation rounds to 64 bits of significand, and only memory knows doubles.</summary>
internal readonly record struct ExtendedReal : IReal<ExtendedReal>
{
    private readonly F80 _value;

    private ExtendedReal(F80 value) => _value = value;

    public double Stored
    {
        get
        {
            F80Context context = Begin();
            return BitConverter.UInt64BitsToDouble(F80Float.ToDouble(_value, ref context));
        }
    }

    public static ExtendedReal Of(double value)
    {
        F80Context context = Begin();
        return new(F80Float.FromDouble(BitConverter.DoubleToUInt64Bits(value), ref context));
    }

    public static ExtendedReal Root(ExtendedReal value)
    {
        F80Context context = Begin();
        return new(F80SquareRoot.SquareRoot(value._value, ref context));
    }

    public static ExtendedReal operator +(ExtendedReal left, ExtendedReal right)
    {
        F80Context context = Begin();
        return new(F80AddSubtract.Add(left._value, right._value, ref context));
    }

    public static ExtendedReal operator -(ExtendedReal left, ExtendedReal right)
    {
        F80Context context = Begin();
        return new(F80AddSubtract.Subtract(left._value, right._value, ref context));
    }

    public static ExtendedReal operator *(ExtendedReal left, ExtendedReal right)
    {
        F80Context context = Begin();
        return new(F80MultiplyDivide.Multiply(left._value, right._value, ref context));
    }

    public static ExtendedReal operator /(ExtendedReal left, ExtendedReal right)
    {
        F80Context context = Begin();
        return new(F80MultiplyDivide.Divide(left._value, right._value, ref context));
    }

    public static bool operator <=(ExtendedReal left, ExtendedReal right) => Compare(left, right) is F80Relation.Less or F80Relation.Equal;

    public static bool operator >=(ExtendedReal left, ExtendedReal right) => Compare(left, right) is F80Relation.Greater or F80Relation.Equal;

    private static F80Relation Compare(ExtendedReal left, ExtendedReal right)
    {
        F80Context context = Begin();
        return F80Compare.Compare(left._value, right._value, quiet: false, ref context);
    }

    private static F80Context Begin() => new(FpuControl.Initial);
}
