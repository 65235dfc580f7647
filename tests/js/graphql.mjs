// Asks for analytics with `graphql-request`, and checks every document with `graphql` against the schema that
// introspection gives.
//
// usage: node graphql.mjs BASE_URL TOKEN ZONE_ID ACCOUNT_ID
//
// Prints what the client made of the answers as JSON.

import { buildClientSchema, getIntrospectionQuery, parse, printSchema, validate } from 'graphql';
import { ClientError, GraphQLClient, gql } from 'graphql-request';

const [base, token, zoneTag, accountTag] = process.argv.slice(2);
const client = new GraphQLClient(`${base}/graphql`, { headers: { authorization: `Bearer ${token}` } });
const schema = buildClientSchema(await client.request(getIntrospectionQuery()));

const byStatus = gql`
  query Totals($zoneTag: string!, $accountTag: string!, $since: Time!) {
    viewer {
      zones(filter: { zoneTag: $zoneTag }) {
        zoneTag
        sent: emailSendingAdaptiveGroups(filter: { datetime_geq: $since }, limit: 10, orderBy: [count_DESC, status_ASC]) {
          ...Totals
        }
      }
      accounts(filter: { accountTag: $accountTag }) {
        emailSendingAdaptiveGroups(filter: { AND: [{ datetime_geq: $since }, { status: "delivered" }] }, limit: 10) {
          count
        }
        emailRoutingAdaptiveGroups(limit: 10) {
          count
        }
      }
    }
  }
  fragment Totals on ZoneEmailSendingAdaptiveGroups {
    count
    dimensions {
      status
      eventType
    }
    sum {
      bytes
      attempts
      complaints
      unsubscribes
      hardBounces
      softBounces
    }
    avg {
      timeToDeliveryMs
      attempts
    }
    quantiles {
      timeToDeliveryMsP50
      timeToDeliveryMsP95
      timeToDeliveryMsP99
    }
  }
`;

/** What a request is refused with: the status, and what the client makes of the errors; it reads none of a 401. */
async function refused(request) {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const { status, errors, data } = error.response;
    return { status, data: data ?? null, messages: errors?.map(({ message }) => message) ?? null };
  }
  return null;
}

const nobody = new GraphQLClient(`${base}/graphql`, { headers: { authorization: 'Bearer nobody' } });
const since = new Date(Date.now() - 3600e3).toISOString();
console.log(
  JSON.stringify({
    invalid: validate(schema, parse(byStatus)).map(({ message }) => message),
    types: ['ZoneEmailSendingAdaptiveGroupsFilter_InputObject', 'AccountEmailRoutingAdaptiveGroups', 'uint8', 'Time'].map(
      (name) => Boolean(schema.getType(name)),
    ),
    scalars: printSchema(schema).match(/^scalar \w+/gm),
    answer: await client.request(byStatus, { zoneTag, accountTag, since }),
    unknownField: await refused(client.request('{ viewer { budget } }')),
    unauthenticated: await refused(nobody.request('{ viewer { zones(filter: {zoneTag: "x"}) { zoneTag } } }')),
  }),
);
