namespace Lguest.Jit.Translator.Tiering;

/// <summary>Where the Guest has been seen to go from the end of one block, and how often: the few most frequent places.</summary>
internal sealed class BlockWays
{
    private const int Places = 4;

    /// <summary>When so much has been seen, it counts half: what a Guest does changes.</summary>
    private const int LongMemory = 64;

    private readonly uint[] _eips = new uint[Places];
    private readonly int[] _counts = new int[Places];

    /// <summary>Times that something has been seen, lately.</summary>
    public int Total { get; private set; }

    /// <summary>It went to this address.</summary>
    public void Count(uint eip)
    {
        if (++Total > LongMemory)
        {
            Total /= 2;
            for (int i = 0; i < Places; i++)
            {
                _counts[i] /= 2;
            }
        }

        int least = 0;
        for (int i = 0; i < Places; i++)
        {
            if (_eips[i] == eip)
            {
                _counts[i]++;
                return;
            }

            if (_counts[i] < _counts[least])
            {
                least = i;
            }
        }

        _eips[least] = eip;
        _counts[least] = 1;
    }

    /// <summary>The share of times that it went there, 0 to 1.</summary>
    public double Share(uint eip)
    {
        int place = Array.IndexOf(_eips, eip);
        return place < 0 || Total == 0 ? 0 : (double)_counts[place] / Total;
    }

    /// <summary>Where it went most often; 0: nothing has been seen.</summary>
    public uint MostLikely => _eips[Array.IndexOf(_counts, _counts.Max())];
}
